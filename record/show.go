package record

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxShown is how much of a value messages show, in bytes.
const maxShown = 120

// cut returns the start of a text.
func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func shown(v jsontext.Value) string {
	if len(v) == 0 {
		return "nothing"
	}
	return cut(string(v))
}

// differ says that two values at a path, a JSON pointer, differ.
func differ(path string, want, got tree) string {
	return fmt.Sprintf("%sgot %s, recorded %s", at(path), shown(got.json()), shown(want.json()))
}

func at(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

func escapePointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// String returns what the line is about, for messages.
func (l *Line) String() string {
	switch l.Kind {
	case KindAsk, KindSend:
		return fmt.Sprintf("%q of the client", l.Event)
	case KindAnswer:
		return fmt.Sprintf("the answer to %q", l.Event)
	case KindFail:
		return fmt.Sprintf("an error as the answer to %q: %s", l.Event, shown(l.Payload))
	case KindEvent:
		return fmt.Sprintf("the event %q: %s", l.Event, shown(l.Payload))
	case KindCall:
		return fmt.Sprintf("the call %q: %s", l.Event, shown(l.Payload))
	case KindReply:
		return fmt.Sprintf("the answer of the client to %q", l.Event)
	case KindDone:
		return "no answer"
	case KindLeave:
		return "the end of the connection: " + l.Cause
	case KindConnect, KindReady, KindRefused, KindLeft, KindStart, KindEnd, KindOmitted:
	}
	return string(l.Kind)
}

// subject returns what the line is about without its payload.
func (l *Line) subject() string {
	switch l.Kind {
	case KindEvent:
		return fmt.Sprintf("the event %q", l.Event)
	case KindCall:
		return fmt.Sprintf("the call %q", l.Event)
	case KindFail, KindAnswer:
		return fmt.Sprintf("the answer to %q", l.Event)
	default:
		return l.String()
	}
}

// json returns the value as JSON.
func (t tree) json() jsontext.Value {
	return t.append(nil)
}

func (t tree) append(b []byte) []byte {
	switch t.kind {
	case '{':
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(t.members)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, quoted(name)...), ':')
			b = t.members[name].append(b)
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, e := range t.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.append(b)
		}
		return append(b, ']')
	case '"':
		return append(b, quoted(t.text)...)
	default:
		return append(b, t.text...)
	}
}
