package inspect

import (
	"fmt"
	"strings"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Bounds of a filter.
const (
	maxFilter = 256 // bytes
	maxTerms  = 16
)

// filter selects entries: those that all terms match.
type filter []term

// term is a word of a filter.
type term struct {
	not   bool
	field string // "" is a part of any text
	value string // in lower case
}

// fields are what may precede a colon in a filter.
var fields = []string{"event", "client", "kind", "room", "endpoint", "code"}

// parseFilter reads a filter such as "event:join client:ab12 error -kind:out text":
//
//   - event:join, kind:in and code:forbidden are equal to it; a star at the end matches the rest
//   - client:, room: and endpoint: contain it
//   - error is an entry about an error
//   - another word is a part of the event, room, error or payload
//   - a dash before a term excludes what it matches
func parseFilter(text string) (filter, error) {
	if len(text) > maxFilter {
		return nil, filterError("it has more than %d bytes", maxFilter)
	}
	var f filter
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		t := term{value: word}
		if rest, ok := strings.CutPrefix(word, "-"); ok && rest != "" {
			t.not, t.value = true, rest
		}
		if name, value, ok := strings.Cut(t.value, ":"); ok {
			for _, known := range fields {
				if name == known {
					t.field, t.value = name, value
				}
			}
		}
		if t.value == "error" && t.field == "" {
			t.field = "error"
		}
		if f = append(f, t); len(f) > maxTerms {
			return nil, filterError("it has more than %d words", maxTerms)
		}
	}
	return f, nil
}

func filterError(format string, args ...any) error {
	return &pipeline.Error{Message: "The filter is too long: " + fmt.Sprintf(format, args...), Code: "inspect_filter", Status: 400}
}

// matches reports whether the filter selects an entry; payload is that of the entry.
func (f filter) matches(e *entry, payload []byte) bool {
	for _, t := range f {
		if t.matches(e, payload) == t.not {
			return false
		}
	}
	return true
}

func (t term) matches(e *entry, payload []byte) bool {
	switch t.field {
	case "event":
		return t.equals(e.Event)
	case "kind":
		return t.equals(e.Kind)
	case "code":
		return t.equals(e.Code)
	case "client":
		return e.Client != "" && contains(e.Client, t.value)
	case "room":
		return e.Room != "" && contains(e.Room, t.value)
	case "endpoint":
		return contains(e.Endpoint, t.value)
	case "error":
		return e.failed()
	default:
		return contains(e.Event, t.value) || contains(e.Room, t.value) || contains(e.Error, t.value) || containsBytes(payload, t.value)
	}
}

func (t term) equals(s string) bool {
	if prefix, ok := strings.CutSuffix(t.value, "*"); ok {
		return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
	}
	return strings.EqualFold(s, t.value)
}

// contains reports whether a text contains a value, which is in lower case, whatever the case of the text.
func contains(text, value string) bool { return strings.Contains(strings.ToLower(text), value) }

func containsBytes(text []byte, value string) bool { return contains(string(text), value) }
