package client_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/observe"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// traceKey has the trace context of a context, as the packages of tracers do.
type traceKey struct{}

// The trace context of a context reaches the server with each kind of message; what is none of W3C is not sent.
func TestTrace(t *testing.T) {
	type seen struct{ event, parent, state string }
	got := make(chan seen, 100)
	k := newKitchen()
	a := serve(t, k, "127.0.0.1:0", app.Observe(observe.Hooks{
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			got <- seen{h.Event, h.Traceparent, h.Tracestate}
			return ctx, nil
		},
	}))
	t.Cleanup(func() { stop(t, a) })
	c := dial(t, a.URL()+"/kitchen/tea", client.Options{Trace: func(ctx context.Context) (string, string) {
		of, _ := ctx.Value(traceKey{}).([2]string)
		if of[0] == "panic" {
			panic(of[0])
		}
		return of[0], of[1]
	}})
	with := func(parent, state string) context.Context {
		return context.WithValue(t.Context(), traceKey{}, [2]string{parent, state})
	}
	want := func(event, parent, state string) {
		t.Helper()
		if s := testkit.Receive(t, "a message", got); s != (seen{event, parent, state}) {
			t.Errorf("the server has %+v, want %s, %q, %q", s, event, parent, state)
		}
	}
	if err := Mark.Emit(with(traceparent, `a="\`), c, 1); err != nil {
		t.Fatal(err)
	}
	want("mark", traceparent, `a="\`)
	if _, err := Fail.Call(with(traceparent, ""), c, "x"); err != nil {
		t.Fatal(err)
	}
	want("fail", traceparent, "")
	for range Notes.Of(with(traceparent, "a=1"), c, 0) {
	}
	want("notes", traceparent, "a=1")
	call(t, c, Fail, "x")
	want("fail", "", "")
	for _, malformed := range []string{"", "x", `","id":1,"x":"`, strings.ToUpper(traceparent), traceparent + "0", strings.Repeat("0", 1<<20)} {
		if _, err := Fail.Call(with(malformed, "a=1"), c, "x"); err != nil {
			t.Errorf("%.60q: %v", malformed, err)
		}
		want("fail", "", "")
	}
	for _, malformed := range []string{"é", "a\nb", strings.Repeat("x", 513)} {
		if _, err := Fail.Call(with(traceparent, malformed), c, "x"); err != nil {
			t.Errorf("%.60q: %v", malformed, err)
		}
		want("fail", traceparent, "")
	}
	if _, err := Fail.Call(with("panic", ""), c, "x"); err == nil || !strings.Contains(err.Error(), "panic") {
		t.Errorf("a panic of Trace: %v", err)
	}
	call(t, c, Fail, "x")
}
