package decode_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// form is a payload and a body.
type form struct {
	Count  int8            `json:"count"`
	Size   uint16          `json:"size"`
	Ratio  float64         `json:"ratio"`
	On     bool            `json:"on"`
	Name   string          `json:"name"`
	Data   []byte          `json:"data"`
	Pair   [2]int          `json:"pair"`
	At     time.Time       `json:"at"`
	Addr   netip.Addr      `json:"addr"`
	Net    *netip.Prefix   `json:"net"`
	Color  color           `json:"color"`
	Choice choice          `json:"choice"`
	Counts []int8          `json:"counts"`
	Ats    []time.Time     `json:"ats"`
	Colors []*color        `json:"colors"`
	Byhue  map[color]color `json:"byhue"`
	Inner  []form          `json:"inner"`
}

// query has the fields of form that parameters may have.
type query struct {
	Count  int8          `query:"count"`
	Size   uint16        `query:"size"`
	Ratio  float64       `query:"ratio"`
	On     bool          `query:"on"`
	At     *time.Time    `query:"at"`
	Wait   time.Duration `query:"wait"`
	Addr   netip.Addr    `query:"addr"`
	Net    *netip.Prefix `query:"net"`
	Color  *color        `query:"color"`
	Counts []int8        `query:"counts"`
	Ats    []time.Time   `query:"ats"`
	Colors []*color      `query:"colors"`
}

type inPath struct {
	At    time.Time `path:"at"`
	Color color     `path:"color"`
}

type inHeader struct {
	At    time.Time `header:"X-At"`
	Color color     `header:"X-Color"`
}

// color is an enumeration with errors of its own.
type color struct{ name string }

var errColor = &pipeline.Error{Message: "No such colour", Code: "no_colour", Status: http.StatusUnprocessableEntity}

func (c *color) UnmarshalText(text []byte) error {
	switch string(text) {
	case "red", "green":
		c.name = string(text)
		return nil
	case "own":
		return errColor
	case "wrapped":
		return fmt.Errorf("color: %w", errColor)
	case "rule":
		return pipeline.Invalid(pipeline.Violation{Rule: "color", Param: "red green", Message: "must be red or green"})
	case "elsewhere":
		return pipeline.Invalid(pipeline.Violation{Field: "palette", Rule: "color", Message: "is empty"})
	case "details":
		return &pipeline.Error{Message: "No such colour", Details: map[string]int{"colours": 2}}
	}
	return errors.New("color: not in the table of decode_test.color")
}

// choice decodes itself from JSON of any kind.
type choice struct{ color }

func (c *choice) UnmarshalJSON(text []byte) error {
	var name string
	if err := json.Unmarshal(text, &name); err != nil {
		return err
	}
	if name == "any" {
		return errors.New("decode_test: any")
	}
	return c.UnmarshalText([]byte(name))
}

// mistakes are what clients send; text is the same mistake in a query. Either may be missing.
var mistakes = []struct{ field, json, text, message, not string }{
	{"count", `{"count":"x"}`, "x", "must be a number", ", not a string"},
	{"count", `{"count":1.5}`, "1.5", "must be a whole number", ""},
	{"count", `{"count":300}`, "300", "is out of range", ""},
	{"size", `{"size":-1}`, "-1", "must be a non-negative whole number", ""},
	{"ratio", `{"ratio":1e999}`, "1e999", "is out of range", ""},
	{"on", `{"on":1}`, "maybe", "must be true or false", ", not a number"},
	{"name", `{"name":{}}`, "", "must be a string", ", not an object"},
	{"data", `{"data":"%"}`, "", "must be base64", ""},
	{"data", `{"data":[1]}`, "", "must be a string", ", not an array"},
	{"pair", `{"pair":[1,2,3]}`, "", "must have 2 items", ""},
	{"pair", `{"pair":[1]}`, "", "must have 2 items", ""},
	{"at", `{"at":"yesterday"}`, "yesterday", "must be a time in RFC 3339", ""},
	{"at", `{"at":5}`, "5", "must be a time in RFC 3339", ", not a number"},
	{"at", `{"at":{}}`, "{}", "must be a time in RFC 3339", ", not an object"},
	{"wait", "", "soon", "must be a duration, such as 1h30m", ""},
	{"addr", `{"addr":"x"}`, "x", "must be an IP address", ""},
	{"addr", `{"addr":["::1"]}`, "[::1]", "must be an IP address", ", not an array"},
	{"net", `{"net":"::1"}`, "::1", "must be an IP network, such as 10.0.0.0/8", ""},
	{"color", `{"color":"blue"}`, "blue", "has an invalid format", ""},
	{"color", `{"color":7}`, "", "must be a string", ", not a number"},
	{"color", `{"color":{"name":"red"}}`, "", "must be a string", ", not an object"},
	{"choice", `{"choice":"any"}`, "", "does not fit", ""},
	{"choice", `{"choice":7}`, "", "must be a string", ", not a number"},
	{"counts.1", `{"counts":[1,"x"]}`, "1&x", "must be a number", ", not a string"},
	{"ats.1", `{"ats":["2026-01-02T03:04:05Z",true]}`, "2026-01-02T03:04:05Z&true", "must be a time in RFC 3339", ", not a boolean"},
	{"colors.2", `{"colors":["red",null,"blue"]}`, "red&green&blue", "has an invalid format", ""},
	{"byhue.red", `{"byhue":{"red":5}}`, "", "must be a string", ", not a number"},
	{"byhue.blue", `{"byhue":{"blue":"red"}}`, "", "has an invalid format", ""},
	{"inner.1.at", `{"inner":[{},{"at":5}]}`, "", "must be a time in RFC 3339", ", not a number"},
	{"inner.0.inner.0.addr", `{"inner":[{"inner":[{"addr":1}]}]}`, "", "must be an IP address", ", not a number"},
}

func violation(field, rule, message string) string {
	return fmt.Sprintf(`[{"field":%q,"rule":%q,"message":%q}]`, field, rule, message)
}

// TestField_X37_SameDetails: A value that does not fit is answered with the same field, rule and message in the details, in a message, a
// body and a query: numbers, times, durations, IP addresses and types that decode themselves, nested and in lists. No answer calls a time or
// an address an object.
func TestField_X37_SameDetails(t *testing.T) {
	onEach(t, func(t *testing.T, send sender, input string) {
		for _, m := range mistakes {
			if m.json == "" {
				continue
			}
			send(t, "save", m.json).check(t, m.json,
				"Bad "+input+": "+m.field+" "+m.message+m.not, pipeline.CodeBadPayload, violation(m.field, "type", m.message))
		}
		send(t, "save", `[]`).check(t, "an array", "Bad "+input+": the "+input+" must be an object, not an array", pipeline.CodeBadPayload,
			violation("", "type", "must be an object"))
		send(t, "color", `7`).check(t, "whole", "Bad "+input+": the "+input+" must be a string, not a number", pipeline.CodeBadPayload,
			violation("", "type", "must be a string"))
	})
	t.Run("http/query", func(t *testing.T) {
		a := startDesk(t)
		for _, m := range mistakes {
			if m.text == "" {
				continue
			}
			name, values := parameter(m.field, m.text)
			queryFor(t, a, name, values...).check(t, m.text, "Bad payload: "+m.field+" "+m.message, pipeline.CodeBadPayload, violation(m.field, "type", m.message))
		}
		request(t, http.MethodGet, a.URL()+"/query?count=x&at=5&color=blue", "", nil).check(t, "several",
			"Bad payload: count must be a number; at must be a time in RFC 3339; color has an invalid format", pipeline.CodeBadPayload,
			`[{"field":"count","rule":"type","message":"must be a number"},{"field":"at","rule":"type","message":"must be a time in RFC 3339"},`+
				`{"field":"color","rule":"type","message":"has an invalid format"}]`)
		request(t, http.MethodGet, a.URL()+"/query?at=%zz", "", nil).check(t, "no query",
			"Bad query: malformed", pipeline.CodeBadPayload, violation("", "syntax", "is malformed"))
		request(t, http.MethodGet, a.URL()+"/path/5/red", "", nil).check(t, "path",
			"Bad payload: at must be a time in RFC 3339", pipeline.CodeBadPayload, violation("at", "type", "must be a time in RFC 3339"))
		request(t, http.MethodGet, a.URL()+"/header", "", http.Header{"X-At": {"5"}}).check(t, "header",
			"Bad payload: X-At must be a time in RFC 3339", pipeline.CodeBadPayload, violation("X-At", "type", "must be a time in RFC 3339"))
		request(t, http.MethodPost, a.URL()+"/save", `{"count":1,"count":2}`, nil).check(t, "twice",
			"Bad body: count appears twice", pipeline.CodeBadPayload, violation("count", "duplicate", "appears twice"))
		request(t, http.MethodPost, a.URL()+"/save", "{", nil).check(t, "no JSON",
			"Bad body: not valid JSON", pipeline.CodeBadPayload, violation("", "syntax", "is not valid JSON"))
	})
}

// ownErrors are the errors of color, and what clients read of them.
var ownErrors = []struct {
	value, message, code, details string
	status                        int
}{
	{"own", "No such colour", "no_colour", `[{"field":"$field","rule":"type","message":"No such colour"}]`, 422},
	{"wrapped", "No such colour", "no_colour", `[{"field":"$field","rule":"type","message":"No such colour"}]`, 422},
	{"rule", "Bad payload: $field must be red or green", "bad_payload", `[{"field":"$field","rule":"color","param":"red green","message":"must be red or green"}]`, 400},
	{"elsewhere", "Bad payload: palette is empty", "bad_payload", `[{"field":"palette","rule":"color","message":"is empty"}]`, 400},
	{"details", "No such colour", "", `{"colours":2}`, 400},
}

// TestField_X37_OwnErrors: A pipeline.Error that UnmarshalText or UnmarshalJSON returns, wrapped or not, is what the client gets, in a
// message, a body and every kind of parameter, with the field where it has none, and one of pipeline.Invalid starts with
// the name of the input; the error itself stays as it is.
func TestField_X37_OwnErrors(t *testing.T) {
	onEach(t, func(t *testing.T, send sender, input string) {
		for _, e := range ownErrors {
			for field, body := range map[string]string{
				"color": `{"color":"$"}`, "choice": `{"choice":"$"}`, "colors.1": `{"colors":["red","$"]}`, "byhue.$": `{"byhue":{"$":"red"}}`,
				"byhue.red": `{"byhue":{"red":"$"}}`, "inner.0.inner.1.color": `{"inner":[{"inner":[{},{"color":"$"}]}]}`,
			} {
				field, body = fill(field, "$", e.value), fill(body, "$", e.value)
				got := send(t, "save", body)
				message := fill(fill(e.message, "$field", field), "Bad payload:", "Bad "+input+":")
				got.check(t, body, message, e.code, fill(e.details, "$field", field))
				if input == "body" && got.Status != e.status {
					t.Errorf("%s: status %d", body, got.Status)
				}
			}
		}
		send(t, "color", `"own"`).check(t, "whole", "No such colour", "no_colour", "")
	})
	t.Run("http/query", func(t *testing.T) {
		a := startDesk(t)
		for _, e := range ownErrors {
			for about, at := range map[string]struct {
				field string
				got   answer
			}{
				"query":  {"color", queryFor(t, a, "color", e.value)},
				"list":   {"colors.1", queryFor(t, a, "colors", "red", e.value)},
				"path":   {"color", request(t, http.MethodGet, a.URL()+"/path/2026-01-02T03:04:05Z/"+e.value, "", nil)},
				"header": {"X-Color", request(t, http.MethodGet, a.URL()+"/header", "", http.Header{"X-Color": {e.value}})},
			} {
				at.got.check(t, about+" "+e.value, fill(e.message, "$field", at.field), e.code, fill(e.details, "$field", at.field))
				if at.got.Status != e.status {
					t.Errorf("%s: status %d", about, at.got.Status)
				}
			}
		}
		request(t, http.MethodGet, a.URL()+"/query?count=x&color=rule", "", nil).check(t, "with another",
			"Bad payload: count must be a number; color must be red or green", "bad_payload",
			`[{"field":"count","rule":"type","message":"must be a number"},{"field":"color","rule":"color","param":"red green","message":"must be red or green"}]`)
		request(t, http.MethodGet, a.URL()+"/query?count=x&color=own", "", nil).check(t, "before another",
			"No such colour", "no_colour", violation("color", "type", "No such colour"))
	})
	if errColor.Details != nil || errColor.Err != nil {
		t.Errorf("the type's own error is now %+v", errColor)
	}
}
