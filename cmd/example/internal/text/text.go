// Package text has types for user input.
package text

import "strings"

// Trimmed is text without surrounding space. Decoding trims it, so that validation sees
// the same value as the handler.
type Trimmed string

// UnmarshalText implements [encoding.TextUnmarshaler], for JSON and path values.
func (t *Trimmed) UnmarshalText(b []byte) error {
	*t = Trimmed(strings.TrimSpace(string(b)))
	return nil
}
