// Package text has what people write.
package text

import "strings"

// Trimmed is text without the space around it. It is trimmed while it is decoded, so
// that the rules of its field see what the handler gets.
type Trimmed string

// UnmarshalText implements [encoding.TextUnmarshaler], which JSON and paths of routes
// are decoded with.
func (t *Trimmed) UnmarshalText(b []byte) error {
	*t = Trimmed(strings.TrimSpace(string(b)))
	return nil
}
