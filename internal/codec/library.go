package codec

import (
	"reflect"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// encodeOptions are those of the library.
var encodeOptions = json.JoinOptions(json.Deterministic(false), jsontext.AllowInvalidUTF8(true))

var (
	lenient       = json.JoinOptions(json.MatchCaseInsensitiveNames(true), jsontext.AllowInvalidUTF8(true))
	strict        = json.JoinOptions(json.MatchCaseInsensitiveNames(true), json.RejectUnknownMembers(true))
	strictUnicode = json.JoinOptions(json.MatchCaseInsensitiveNames(true))
)

// libraryOptions returns the options with which the library decodes a text as the package does.
func libraryOptions(text []byte, o Options) json.Options {
	switch {
	case o.Strict:
		return strict
	case utf8.Valid(text):
		return lenient // half surrogate pairs, which the library counts as invalid UTF-8
	}
	return strictUnicode
}

// leafOptions are libraryOptions for a part of a text that skip has checked: it is UTF-8.
func leafOptions(refuse bool) json.Options {
	if refuse {
		return strict
	}
	return lenient
}

// decodeByLibrary has the library decode a text, whose elements have been weighed.
func decodeByLibrary(text []byte, v any, o Options) error {
	opts := libraryOptions(text, o)
	if len(o.Attachments) > 0 {
		return decodeAttached(text, o.Attachments, v, opts)
	}
	return json.Unmarshal(text, v, opts)
}

// Unmarshal stores JSON in what v points to. If that is not zero, objects are merged into it as by the library.
func Unmarshal(text []byte, v any, o Options) error {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return decodeByLibrary(text, v, o)
	}
	plan := planOf(p.Type().Elem())
	if p.Elem().IsZero() {
		return plan.decoder.Decode(text, v, o)
	}
	if plan.node.shape.exceeds(text, o.budget(len(text)), false) {
		return ErrBudget
	}
	return decodeByLibrary(text, v, o)
}

// Weigh returns [ErrBudget] if the elements of a text need more memory than the budget, for callers that have another codec
// decode it. Members that the plan does not know are counted as the largest elements that the struct has: the other codec may
// find fields by other names.
func (d *Decoder) Weigh(text []byte, o Options) error {
	if s := d.root.shape; s.exceeds(text, o.budget(len(text)), true) {
		return ErrBudget
	}
	return nil
}
