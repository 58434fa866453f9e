package record

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A placeholder in a file is a name between these. A text that has the first of them itself has placeholderOpen in its place.
const (
	openMark  = "⟨"
	closeMark = "⟩"

	placeholderOpen = openMark + "open" + closeMark
)

// The forms of values that differ between runs.
const (
	formTime = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`
	formUUID = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`
	formID   = `[A-Z2-7]{26}` // of crypto/rand.Text, which ids of clients are too
)

// formOf is the form of the values of a kind of placeholder.
var formOf = map[string]string{"time": formTime, "uuid": formUUID, "id": formID}

var (
	anyForm = regexp.MustCompile(`(` + formTime + `)|(` + formUUID + `)|(` + formID + `)`)
	// word is what may be a known value of a member inside of a text.
	word = regexp.MustCompile(`[0-9A-Za-z_-]{8,}`)
)

// variables replaces values that differ between runs by placeholders.
type variables struct {
	vary    map[string]bool
	known   map[string]string // placeholders by value, as JSON
	literal map[string]bool   // values that a client has sent first
	counts  map[string]int    // by kind
}

func newVariables(vary []string) *variables {
	v := &variables{vary: map[string]bool{}, known: map[string]string{}, literal: map[string]bool{}, counts: map[string]int{}}
	for _, name := range vary {
		v.vary[name] = true
	}
	return v
}

// replaceIn replaces the values in a line.
func (v *variables) replaceIn(l *Line) {
	if l.id != "" && v.known[quoted(l.id)] == "" {
		v.known[quoted(l.id)] = openMark + l.Client + closeMark
	}
	fromClient := l.Kind == KindSend || l.Kind == KindAsk || l.Kind == KindReply
	l.Event, l.Query, l.Path, l.Namespace = v.text(l.Event, fromClient), v.text(l.Query, true), v.text(l.Path, true), v.text(l.Namespace, true)
	to, err := v.payload(l.Payload, fromClient)
	if err != nil {
		l.Payload, l.Attachments, l.Missing = nil, nil, "payload: "+err.Error()
		return
	}
	l.Payload = to
}

func quoted(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil { // not UTF-8, which no payload has
		return s
	}
	return string(b)
}

func (v *variables) payload(text jsontext.Value, fromClient bool) (jsontext.Value, error) {
	return rewriteJSON(text, func(name string, value jsontext.Value) (jsontext.Value, error) {
		kind := value.Kind()
		if v.vary[name] && kind != 'n' && kind != 't' && kind != 'f' {
			if to := v.member(name, value, fromClient); to != "" {
				return jsontext.AppendQuote(nil, to)
			}
		}
		if kind != '"' {
			return value, nil
		}
		s, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return nil, err
		}
		return jsontext.AppendQuote(nil, v.text(string(s), fromClient))
	})
}

// member returns the placeholder of the value of a member that varies; empty for one that a client has sent first.
func (v *variables) member(name string, value jsontext.Value, fromClient bool) string {
	key := canonical(value)
	if to := v.known[key]; to != "" {
		return to
	}
	if fromClient || v.literal[key] {
		v.literal[key] = true
		return ""
	}
	return v.add(key, "."+strings.NewReplacer(openMark, "", closeMark, "", "#", "").Replace(name))
}

func (v *variables) add(key, kind string) string {
	v.counts[kind]++
	to := fmt.Sprintf("%s%s#%d%s", openMark, kind, v.counts[kind], closeMark)
	v.known[key] = to
	return to
}

func canonical(value jsontext.Value) string {
	if kind := value.Kind(); kind != '{' && kind != '[' {
		return string(value)
	}
	c := slices.Clone(value)
	if err := c.Canonicalize(); err != nil {
		return string(value)
	}
	return string(c)
}

// text replaces the values in a text.
func (v *variables) text(s string, fromClient bool) string {
	if s == "" {
		return s
	}
	if to := v.known[quoted(s)]; to != "" && len(s) >= 8 {
		return to
	}
	var out strings.Builder
	for {
		at := anyForm.FindStringSubmatchIndex(s)
		if at == nil {
			break
		}
		out.WriteString(v.words(s[:at[0]]))
		out.WriteString(v.form(s[at[0]:at[1]], at, fromClient))
		s = s[at[1]:]
	}
	out.WriteString(v.words(s))
	return out.String()
}

func (v *variables) form(s string, at []int, fromClient bool) string {
	key := quoted(s)
	switch to := v.known[key]; {
	case to != "":
		return to
	case fromClient || v.literal[key]:
		v.literal[key] = true
		return s
	}
	for i, kind := range []string{"time", "uuid", "id"} {
		if at[2*i+2] >= 0 {
			return v.add(key, kind)
		}
	}
	return s
}

// words replaces known values of members inside of a text without forms.
func (v *variables) words(s string) string {
	var out strings.Builder
	last := 0
	for _, at := range word.FindAllStringIndex(s, -1) {
		if to := v.known[quoted(s[at[0]:at[1]])]; to != "" {
			out.WriteString(escape(s[last:at[0]]))
			out.WriteString(to)
			last = at[1]
		}
	}
	out.WriteString(escape(s[last:]))
	return out.String()
}

func escape(s string) string { return strings.ReplaceAll(s, openMark, placeholderOpen) }
