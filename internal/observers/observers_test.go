package observers

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// A panic is logged at most once a second, with the name of the hook.
func TestPanicsAreLoggedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := New([]observe.Hooks{{Connected: func(websockets.Client) { panic("broken") }}}, slog.New(slog.NewTextHandler(&log, nil)))
		for range 1000 {
			s.Connected(nil)
		}
		<-time.After(time.Second)
		s.Connected(nil)
		if n := strings.Count(log.String(), `msg="panic in an observer" hook=Connected panic=broken`); n != 2 {
			t.Errorf("%d lines, want 2:\n%s", n, log.String())
		}
	})
}

// The functions that hooks return are called in reverse, also after one of them has panicked,
// and contexts are passed on.
func TestStartedHooksEndInReverse(t *testing.T) {
	type key struct{}
	var ended []string
	named := func(name string) observe.Hooks {
		return observe.Hooks{Admit: func(ctx context.Context, _ observe.Attempt) (context.Context, func(error)) {
			before, _ := ctx.Value(key{}).(string)
			return context.WithValue(ctx, key{}, before+name), func(error) {
				ended = append(ended, name)
				panic(name)
			}
		}}
	}
	s := New([]observe.Hooks{named("a"), {}, named("b"), {Admit: func(context.Context, observe.Attempt) (context.Context, func(error)) {
		return nil, nil
	}}, named("c"), named("d")}, slog.New(slog.DiscardHandler))
	ctx, end := s.Admit(t.Context(), observe.Attempt{})
	end.Call(nil)
	if ctx.Value(key{}) != "abcd" || strings.Join(ended, "") != "dcba" {
		t.Errorf("context %v, ended %v", ctx.Value(key{}), ended)
	}
}

// Without hooks nothing is called, and nothing allocates.
func TestNoHooks(t *testing.T) {
	s := New(nil, nil)
	if s != nil {
		t.Fatal("a set without hooks")
	}
	if n := testing.AllocsPerRun(100, func() {
		s.Connected(nil)
		s.Received(nil, observe.Received{})
		s.Joined(nil, []string{"a"})
		if ctx, end := s.Handle(context.Background(), observe.Handling{}); ctx == nil || end.Wanted() {
			t.Error("Handle of no hooks")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The first trace context counts, also when another hook panics.
func TestTraceparent(t *testing.T) {
	returns := func(text string) observe.Hooks {
		return observe.Hooks{Traceparent: func(context.Context) string { return text }}
	}
	panics := observe.Hooks{Traceparent: func(context.Context) string { panic("broken") }}
	s := New([]observe.Hooks{{}, panics, returns(""), returns("a"), returns("b")}, slog.New(slog.DiscardHandler))
	if got := s.Traceparent(t.Context()); got != "a" {
		t.Errorf("got %q", got)
	}
	if got := New(nil, nil).Traceparent(t.Context()); got != "" {
		t.Errorf("got %q without hooks", got)
	}
}
