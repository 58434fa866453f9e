package wire

import (
	"bytes"
	stdjson "encoding/json"
	"strconv"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// Compile compiles a schema in a document, by its fragment such as "#/components/schemas/Message". It knows the formats of the
// documents.
func Compile(document []byte, draft *validator.Draft, fragment string) (*validator.Schema, error) {
	doc, err := validator.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	c := validator.NewCompiler()
	c.DefaultDraft(draft)
	c.AssertFormat()
	c.AssertContent()
	for name, bits := range map[string]func(string) error{
		"int64":  func(s string) error { _, err := strconv.ParseInt(s, 10, 64); return err },
		"uint64": func(s string) error { _, err := strconv.ParseUint(s, 10, 64); return err },
		"float":  func(s string) error { _, err := strconv.ParseFloat(s, 32); return err },
		"double": func(s string) error { _, err := strconv.ParseFloat(s, 64); return err },
	} {
		c.RegisterFormat(&validator.Format{Name: name, Validate: func(v any) error {
			if n, ok := v.(stdjson.Number); ok {
				return bits(n.String())
			}
			return nil
		}})
	}
	if err := c.AddResource("mem:schema", doc); err != nil {
		return nil, err
	}
	return c.Compile("mem:schema" + fragment)
}

// Validate returns how a text differs from a schema.
func Validate(s *validator.Schema, text []byte) error {
	v, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}
