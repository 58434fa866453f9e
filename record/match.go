package record

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// bindings are the values of placeholders in a run.
type bindings struct {
	values map[string]jsontext.Value // by placeholder
	names  map[string]string         // placeholders of UUIDs and ids by value
}

func newBindings() *bindings {
	return &bindings{values: map[string]jsontext.Value{}, names: map[string]string{}}
}

func (b *bindings) set(placeholder string, value jsontext.Value) { b.values[placeholder] = value }

// match compares a line with what the application does now, and returns what differs; "" if nothing does. Placeholders get their
// values only if nothing differs.
func (b *bindings) match(recorded, live *Line) string {
	m := &matching{b: b, found: map[string]jsontext.Value{}}
	if d := m.line(recorded, live); d != "" {
		return d
	}
	for placeholder, value := range m.found {
		b.values[placeholder] = value
		if kind := kindOf(placeholder); kind == "uuid" || kind == "id" {
			b.names[string(value)] = placeholder
		}
	}
	return ""
}

// fits reports whether match would find no difference.
func (b *bindings) fits(recorded, live *Line) bool {
	m := &matching{b: b, found: map[string]jsontext.Value{}}
	return m.line(recorded, live) == ""
}

// matching is one comparison.
type matching struct {
	b     *bindings
	found map[string]jsontext.Value
}

func (m *matching) line(recorded, live *Line) string {
	if recorded.Kind != live.Kind {
		return fmt.Sprintf("got %s, recorded %s", live, recorded)
	}
	if d := m.text(recorded.Event, live.Event); d != "" {
		return fmt.Sprintf("got %s, recorded %s", live, recorded)
	}
	if recorded.Payload == nil && recorded.Missing != "" {
		return "" // the payload was left out
	}
	if (len(recorded.Payload) == 0) != (len(live.Payload) == 0) {
		return fmt.Sprintf("got %s, recorded %s", shown(live.Payload), shown(recorded.Payload))
	}
	want, err := treeOf(recorded.Payload)
	if err != nil {
		return err.Error()
	}
	got, err := treeOf(live.Payload)
	if err != nil {
		return err.Error()
	}
	if d := m.value("", want, got); d != "" {
		return d
	}
	if !slices.EqualFunc(recorded.Attachments, live.Attachments, bytes.Equal) {
		return "the binary parts differ"
	}
	return ""
}

// value compares two values at a path, a JSON pointer.
func (m *matching) value(path string, want, got tree) string {
	if placeholder, whole := wholePlaceholder(want); whole && strings.HasPrefix(kindOf(placeholder), ".") {
		return m.bind(path, placeholder, got.json())
	}
	if want.kind != got.kind {
		return differ(path, want, got)
	}
	switch want.kind {
	case '{':
		return m.object(path, want, got)
	case '[':
		for i := range min(len(want.items), len(got.items)) {
			if d := m.value(fmt.Sprintf("%s/%d", path, i), want.items[i], got.items[i]); d != "" {
				return d
			}
		}
		if len(want.items) != len(got.items) {
			return fmt.Sprintf("%sgot %d elements, recorded %d", at(path), len(got.items), len(want.items))
		}
	case '"':
		if d := m.text(want.text, got.text); d != "" {
			return at(path) + d
		}
	case '0':
		if !sameNumber(want.text, got.text) {
			return differ(path, want, got)
		}
	}
	return ""
}

func (m *matching) object(path string, want, got tree) string {
	rest := maps.Clone(got.members)
	for _, name := range slices.Sorted(maps.Keys(want.members)) {
		actual, ok := m.name(name, rest)
		if !ok {
			return fmt.Sprintf("%sgot no member %q, recorded %s", at(path), name, shown(want.members[name].json()))
		}
		if d := m.value(path+"/"+escapePointer(actual), want.members[name], rest[actual]); d != "" {
			return d
		}
		delete(rest, actual)
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		return fmt.Sprintf("%sgot the member %q: %s, recorded none", at(path), name, shown(rest[name].json()))
	}
	return ""
}

// name returns the name of a member that matches a recorded one.
func (m *matching) name(recorded string, rest map[string]tree) (string, bool) {
	if !strings.Contains(recorded, openMark) {
		_, ok := rest[recorded]
		return recorded, ok
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		if m.text(recorded, name) == "" {
			return name, true
		}
	}
	return "", false
}

// text compares two texts.
func (m *matching) text(want, got string) string {
	if !strings.Contains(want, openMark) {
		if want == got {
			return ""
		}
		return fmt.Sprintf("got %q, recorded %q", cut(got), cut(want))
	}
	pattern, groups := m.pattern(want)
	found := pattern.FindStringSubmatch(got)
	if found == nil {
		return fmt.Sprintf("got %q, recorded %q", cut(got), cut(want))
	}
	for i, placeholder := range groups {
		if d := m.bind("", placeholder, jsontext.Value(quoted(found[i+1]))); d != "" {
			return d
		}
	}
	return ""
}

// pattern returns the expression of a text with placeholders, and those of its groups.
func (m *matching) pattern(want string) (*regexp.Regexp, []string) {
	var expr strings.Builder
	var groups []string
	expr.WriteString(`^(?s:`)
	split(want, func(literal string) { expr.WriteString(regexp.QuoteMeta(literal)) }, func(placeholder string) {
		value, known := m.textOf(placeholder)
		form, ok := formOf[kindOf(placeholder)]
		switch {
		case known && kindOf(placeholder) != "time":
			expr.WriteString(regexp.QuoteMeta(value))
			return
		case !ok:
			form = `.+`
		}
		groups = append(groups, placeholder)
		expr.WriteString("(" + form + ")")
	})
	expr.WriteString(`)$`)
	return regexp.MustCompile(expr.String()), groups
}

// bind notes the value of a placeholder, which must be the one that it has already.
func (m *matching) bind(path, placeholder string, value jsontext.Value) string {
	old, known := m.found[placeholder]
	if !known {
		old, known = m.b.values[placeholder]
	}
	kind := kindOf(placeholder)
	if known {
		if kind == "time" || canonical(old) == canonical(value) {
			return ""
		}
		return fmt.Sprintf("%sgot %s, recorded %s, which was %s before", at(path), shown(value), placeholder, shown(old))
	}
	if other, taken := m.b.names[string(value)]; taken && (kind == "uuid" || kind == "id") {
		return fmt.Sprintf("%sgot %s, recorded %s, but that is the value of %s", at(path), shown(value), placeholder, other)
	}
	m.found[placeholder] = value
	return ""
}

// resolve returns a JSON text with the values of its placeholders.
func (b *bindings) resolve(v jsontext.Value) (jsontext.Value, error) {
	return rewriteJSON(v, func(_ string, v jsontext.Value) (jsontext.Value, error) {
		if v.Kind() != '"' {
			return v, nil
		}
		s, err := jsontext.AppendUnquote(nil, v)
		if err != nil || !strings.Contains(string(s), openMark) {
			return v, err
		}
		if value, ok := b.values[string(s)]; ok {
			return value, nil
		}
		text, err := b.resolveText(string(s))
		if err != nil {
			return nil, err
		}
		return jsontext.AppendQuote(nil, text)
	})
}

func (b *bindings) resolveText(s string) (string, error) {
	var out strings.Builder
	var unknown string
	split(s, func(literal string) { out.WriteString(literal) }, func(placeholder string) {
		value, ok := b.textOf(placeholder)
		if !ok {
			unknown = placeholder
		}
		out.WriteString(value)
	})
	if unknown != "" {
		return "", fmt.Errorf("%s has no value: the application has not sent it", unknown)
	}
	return out.String(), nil
}

// split calls literal and placeholder with the parts of a text.
func split(s string, literal, placeholder func(string)) {
	for {
		before, rest, found := strings.Cut(s, openMark)
		literal(before)
		if !found {
			return
		}
		name, after, closed := strings.Cut(rest, closeMark)
		switch p := openMark + name + closeMark; {
		case !closed:
			literal(openMark + rest)
			return
		case p == placeholderOpen:
			literal(openMark)
		default:
			placeholder(p)
		}
		s = after
	}
}

// textOf returns the value of a placeholder as text.
func (b *bindings) textOf(placeholder string) (string, bool) {
	value, ok := b.values[placeholder]
	if !ok {
		return "", false
	}
	return unquoted(value), true
}

func (m *matching) textOf(placeholder string) (string, bool) {
	if value, ok := m.found[placeholder]; ok {
		return unquoted(value), true
	}
	return m.b.textOf(placeholder)
}

func unquoted(v jsontext.Value) string {
	if v.Kind() != '"' {
		return string(v)
	}
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return string(v)
	}
	return string(b)
}

// wholePlaceholder returns the placeholder that a value is.
func wholePlaceholder(t tree) (string, bool) {
	if t.kind != '"' || !strings.HasPrefix(t.text, openMark) || strings.Index(t.text, closeMark) != len(t.text)-len(closeMark) || t.text == placeholderOpen {
		return "", false
	}
	return t.text, true
}

// kindOf returns what a placeholder is for: "time" of ⟨time#1⟩.
func kindOf(placeholder string) string {
	kind, _, _ := strings.Cut(strings.Trim(placeholder, openMark+closeMark), "#")
	return kind
}
