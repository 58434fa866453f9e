package packet

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// cut decodes an event with arguments, and cuts its trace context.
func cut(t *testing.T, args string) (p websockets.Payload, trace string) {
	t.Helper()
	decoded, err := decode(`2["e"` + args + `]`)
	if err != nil || decoded == nil {
		t.Fatalf("%s: %v", args, err)
	}
	trace = string(CutTrace(&decoded.Payload))
	return decoded.Payload, trace
}

func TestCutTrace(t *testing.T) {
	const tp = `"tp=` + traceparent + `"`
	for args, want := range map[string]struct {
		text   string
		spread bool
		cut    bool
	}{
		``: {}, `,` + tp: {cut: true}, ` , ` + tp + ` `: {cut: true},
		`,1`: {text: "1"}, `,1,` + tp: {text: "1", cut: true}, `, 1 , ` + tp + " \n": {text: "1", cut: true},
		`,[1,2],` + tp:                         {text: "[1,2]", cut: true},
		`,{"a":[" ,"]},` + tp:                  {text: `{"a":[" ,"]}`, cut: true},
		`,1,"x",` + tp:                         {text: `[1,"x"]`, spread: true, cut: true},
		`,1,"x" , ` + tp + ` `:                 {text: `[1,"x" ]`, spread: true, cut: true},
		`,` + tp + `,` + tp:                    {text: tp, cut: true}, // the last one
		`,` + tp + `,1`:                        {text: `[` + tp + `,1]`, spread: true},
		`,[1,` + tp + `]`:                      {text: `[1,` + tp + `]`}, // a list is one argument
		`,1,[2,` + tp + `]`:                    {text: `[1,[2,` + tp + `]]`, spread: true},
		`,{"a":` + tp + `}`:                    {text: `{"a":` + tp + `}`},
		`,"\",\"tp=` + traceparent + `"`:       {text: `"\",\"tp=` + traceparent + `"`},
		`,1,"x\",\"tp=` + traceparent + `"`:    {text: `[1,"x\",\"tp=` + traceparent + `"]`, spread: true},
		`,"tp=ff` + traceparent[2:] + `"`:      {text: `"tp=ff` + traceparent[2:] + `"`},
		`,"TP=` + traceparent + `"`:            {text: `"TP=` + traceparent + `"`},
		`,"` + traceparent + `"`:               {text: `"` + traceparent + `"`},
		`,"tp=\u00300` + traceparent[2:] + `"`: {text: `"tp=\u00300` + traceparent[2:] + `"`}, // clients do not escape it
	} {
		p, trace := cut(t, args)
		if string(p.JSON) != want.text || p.Spread != want.spread || (trace != "") != want.cut || want.cut && trace != traceparent {
			t.Errorf("%s: %s, spread %t, %q, want %+v", args, p.JSON, p.Spread, trace, want)
		}
	}
}

// FuzzCutTrace: with a trace context at their end, arguments are what they are without.
func FuzzCutTrace(f *testing.F) {
	for _, args := range []string{``, `,1`, `, [1 , 2] , {"a":"]"}`, `,"a","b"`, `,"tp=` + traceparent + `"`} {
		f.Add(args, " ")
	}
	f.Fuzz(func(t *testing.T, args, space string) {
		for _, c := range space {
			if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				return
			}
		}
		with, err := decode(`2["e"` + args + space + `,` + space + `"tp=` + traceparent + `"` + space + `]`)
		without, err2 := decode(`2["e"` + args + `]`)
		if err != nil || err2 != nil || with == nil || without == nil {
			return
		}
		if got := string(CutTrace(&with.Payload)); got != traceparent {
			t.Fatalf("%q: %q", args, got)
		}
		bare := func(b []byte) string { return strings.Join(strings.Fields(string(b)), "") }
		if got, want := bare(with.Payload.JSON), bare(without.Payload.JSON); got != want || with.Payload.Spread != without.Payload.Spread {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	})
}
