package ws

import (
	"strings"
	"testing"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// A trace context of any form leaves the message as it is.
func TestDecodeTrace(t *testing.T) {
	long := strings.Repeat("x", 512)
	for members, want := range map[string]struct{ parent, state string }{
		`"traceparent":"` + traceparent + `"`:                       {traceparent, ""},
		`"tracestate":"a=1","traceparent":"` + traceparent + `"`:    {traceparent, "a=1"},
		`"trace\u0070arent":"\u00300` + traceparent[2:] + `"`:       {traceparent, ""},
		`"traceparent":"a","traceparent":"` + traceparent + `"`:     {traceparent, ""},
		`"traceparent":"` + traceparent + `","traceparent":5`:       {},
		`"traceparent":"` + traceparent + `0"`:                      {},
		`"traceparent":"` + strings.Repeat(`\u0030`, 100_000) + `"`: {},
		`"traceparent":null,"tracestate":{}`:                        {},
		`"traceparent":"","tracestate":""`:                          {},
		`"tracestate":"` + long + `"`:                               {"", long},
		`"tracestate":"` + long + `x"`:                              {},
		`"tracestate":"\"\\\"","Traceparent":"a"`:                   {"", `"\"`},
		`"tracestate":"\ud800","traceparent":[["` + long + `"]]`:    {"", "\uFFFD"},
	} {
		for _, text := range []string{
			`{"event":"e","data":[1],"id":7,` + members + `}`, `{` + members + `,"event":"e","data":[1],"id":7}`,
		} {
			e, err := JSON().Decode([]byte(text))
			if err != nil || e.Event != "e" || string(e.Data) != "[1]" || string(e.ID) != "7" {
				t.Errorf("%.200s: %+v, %v", text, e, err)
			}
			if string(e.Traceparent) != want.parent || string(e.Tracestate) != want.state {
				t.Errorf("%.200s: %q and %q, want %+v", text, e.Traceparent, e.Tracestate, want)
			}
		}
	}
	for _, text := range []string{`{"event":"e","traceparent":}`, `{"event":"e","traceparent":"x}`, `{"event":"e","tracestate":[}`} {
		if _, err := JSON().Decode([]byte(text)); err == nil {
			t.Errorf("%s is a message", text)
		}
	}
	msg := []byte(`{"event":"e","data":[1],"id":7,"traceparent":"` + traceparent + `","tracestate":"` + long + `"}`)
	if n := testing.AllocsPerRun(100, func() { _, _ = JSON().Decode(msg) }); n > 1 {
		t.Errorf("%v allocations, want one for the event", n)
	}
}
