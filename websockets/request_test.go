package websockets_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// numbers is a server that sends the payloads of a stream, then an error.
type numbers struct {
	payloads []string
	err      error
	left     int // how often the loop was left
}

func (n *numbers) Stream(_ context.Context, event string, _ any, _ ...websockets.EmitOption) iter.Seq2[websockets.Payload, error] {
	return func(yield func(websockets.Payload, error) bool) {
		defer func() { n.left++ }()
		for _, p := range n.payloads {
			if !yield(websockets.Payload{JSON: []byte(p)}, nil) {
				return
			}
		}
		if n.err != nil {
			yield(websockets.Payload{}, n.err)
		}
	}
}

func TestStreamOf(t *testing.T) {
	count := websockets.NewStream[int]("count", websockets.NewEvent[int]("tick"))
	mine := errors.New("mine")
	for name, tt := range map[string]struct {
		from  numbers
		stop  int
		want  int
		is    error
		wrong bool
	}{
		"all":   {from: numbers{payloads: []string{"1", "2", "3"}}, want: 6},
		"break": {from: numbers{payloads: []string{"1", "2", "3"}}, stop: 2, want: 3},
		"error": {from: numbers{payloads: []string{"1"}, err: mine}, want: 1, is: mine},
		"wrong": {from: numbers{payloads: []string{"1", `"x"`, "3"}}, want: 1, wrong: true},
	} {
		sum := 0
		var last error
		for n, err := range count.Of(t.Context(), &tt.from, 3) {
			if last = err; err == nil {
				sum += n
			}
			if n > 0 && n == tt.stop {
				break
			}
		}
		if _, wrong := errors.AsType[*websockets.Error](last); sum != tt.want || !errors.Is(last, tt.is) && !tt.wrong || wrong != tt.wrong || tt.from.left != 1 {
			t.Errorf("%s: the sum is %d, the error %v, and the loop was left %d times", name, sum, last, tt.from.left)
		}
	}
}

// listener handles an event of clients.
type listener struct{ got chan string }

var typing = websockets.NewEvent[string]("typing")

func (l *listener) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{typing.On(func(_ context.Context, room string) error {
		l.got <- room
		return nil
	})}
}

func TestEventOn(t *testing.T) {
	l := &listener{make(chan string, 1)}
	m := module.New("listener", module.Providers(websockets.Gateway(func() *listener { return l })))
	a := apptest.New(t, m, apptest.With(app.WebSockets(ws.New())))
	c := a.DialWS("/")
	c.Emit("typing", "tea")
	if got := testkit.Receive(t, "the event", l.got); got != "tea" {
		t.Errorf("got %q", got)
	}
	c.Call("typing", "coffee") // answered empty, as by Listen
	if got := testkit.Receive(t, "the request", l.got); got != "coffee" {
		t.Errorf("got %q", got)
	}
}
