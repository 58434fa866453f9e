package adapter_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Check drops a trace context that is none, and counts the memory of one.
func TestCheckTrace(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, x := range []struct{ parent, state, wantParent, wantState string }{
		{good, "a=1", good, "a=1"},
		{good, "", good, ""},
		{good, "a\r\nb", good, ""},
		{good, strings.Repeat("x", 513), good, ""},
		{"", "a=1", "", ""},
		{good[1:], "a=1", "", ""},
		{strings.Repeat("0", 1<<20), "a=1", "", ""},
	} {
		m := adapter.Message{Event: "e", Traceparent: x.parent, Tracestate: x.state}
		m.Check()
		if m.Traceparent != x.wantParent || m.Tracestate != x.wantState || m.Err != nil {
			t.Errorf("%.80q and %.80q: %q, %q, %v", x.parent, x.state, m.Traceparent, m.Tracestate, m.Err)
		}
		bare := adapter.Message{Event: "e"}
		if got, want := m.Memory()-bare.Memory(), len(x.wantParent)+len(x.wantState); got != want {
			t.Errorf("it holds %d bytes more, want %d", got, want)
		}
	}
}
