// Package jsonpointer formats JSON pointers for error messages.
package jsonpointer

import "github.com/go-json-experiment/json/jsontext"

// Dotted returns a pointer as errors and violations write it: "items.0.name". It is
// empty for the root.
func Dotted(p jsontext.Pointer) string {
	name := make([]byte, 0, len(p))
	for token := range p.Tokens() {
		if len(name) > 0 {
			name = append(name, '.')
		}
		name = append(name, token...)
	}
	return string(name)
}
