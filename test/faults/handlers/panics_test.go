package handlers_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// TestFault_F62_PanicsEverywhere: Every function that users write panics, one after another: the process stays alive,
// the client gets the answer to an unknown error, other clients are served, and rooms and counts are correct.
func TestFault_F62_PanicsEverywhere(t *testing.T) {
	onEach(t, func(t *testing.T, p platform) {
		f := newField(t, p)
		t.Run("at a message", f.messages)
		t.Run("before it is accepted", f.handshakes)
		t.Run("outside of a handler", f.elsewhere)
		t.Run("when it connects", f.arrivals)
		t.Run("when it leaves", f.departures)
	})
}

// messages: a panic while handling a message is answered, and the client stays connected.
func (f *field) messages(t *testing.T) {
	const public, none = "public", "" // none: no error
	for _, row := range []struct{ event, place, want string }{
		{"on", "guard", internal},
		{"on", "interceptor of denials", internal},
		{"on", "interceptor, before", internal},
		{"on", "UnmarshalJSON", internal},
		{"on", "pipe", internal},
		{"on", "Validate", internal},
		{"on", "handler", internal},
		{"listen", "handler", internal},
		{"background", "handler", internal},
		{"nowhere", "fallback", internal},
		{"on", "interceptor, after", internal},
		{"on", "filter", public}, // the default answers
		{"on", "result", internal},
		{"respond", "Response", internal},
		{"on", "Emit", internal},
		{"on", "broadcast", internal},
		{"on", "interceptor of emits", internal},
		{"on", "interceptor of emits, broadcast", internal},
		{"stream", "stream", internal},
		{"stream", "stream, after an item", internal},
		{"stream", "interceptor of items", internal},
		{"on", "look on", none},
		{"on", "nil", internal},
		{"on", "an error for clients", internal}, // the value of a panic is never sent
		{"on", "Details of a public error", public},
		{"on", "Body of a public error", public},
	} {
		f.message(t, row.event, row.place, row.want)
	}
}

func (f *field) message(t *testing.T, event, place, want string) {
	t.Helper()
	t.Run(event+", "+place, func(t *testing.T) {
		c := f.p.enter(t, f.app)
		defer f.quiet(t)
		defer c.Close()
		if want == "" {
			c.Call(event, note{place})
		} else if e := c.CallError(event, note{place}); e.Status != "error" || e.Message != want || e.Cause == nil || e.Cause.Pattern != event {
			t.Errorf("the client gets %+v, want %q", e, want)
		} else if f.p.name == "socketio" {
			if also := apptest.Expect[apptest.Exception](c, "exception"); also.Message != want {
				t.Errorf("the event has %+v, want %q", also, want)
			}
		}
		echoes(t, c)
	})
}

// handshakes: a panic before a client is accepted refuses it.
func (f *field) handshakes(t *testing.T) {
	for place, atOnce := range map[string]bool{ // whether Socket.IO also refuses over HTTP
		"guard of requests": true, "guard": false, "interceptor of denials": false, "Admit": false, "guard: Unwrap of an error": false,
		"filter": false, "guard: no error at all": false,
	} {
		t.Run(place, func(t *testing.T) {
			defer f.quiet(t)
			_, err := f.p.mayDial(t, f.app, asking(place))
			refused := refusalOf(t, err)
			status := http.StatusInternalServerError
			if f.p.name == "socketio" && !atOnce {
				status = 0
			}
			if refused.Status != status || refused.Message != internal {
				t.Errorf("refused with %d %q, want %d %q", refused.Status, refused.Message, status, internal)
			}
		})
	}
}

// elsewhere: a panic in a function called by Emit is returned as its error, also outside of handlers.
func (f *field) elsewhere(t *testing.T) {
	defer f.quiet(t)
	for what, v := range map[string]any{"MarshalJSON": bomb{}, "interceptor of emits": note{"interceptor of emits"}} {
		if err := f.Server.Emit(t.Context(), "news", v); err == nil {
			t.Errorf("%s: Emit returns no error", what)
		}
		if err := f.Server.To("all").Emit(t.Context(), "news", v); err == nil {
			t.Errorf("%s: Emit to a room returns no error", what)
		}
	}
}

// arrivals: a panic in HandleConnection refuses the client, a panic in OnConnected does not.
func (f *field) arrivals(t *testing.T) {
	for place, accepted := range map[string]bool{
		"OnConnected":                          true,
		"constructor of Scoped":                false,
		"HandleConnection":                     false,
		"HandleConnection: no error at all":    false,
		"HandleConnection: Unwrap of an error": false,
	} {
		t.Run(place, func(t *testing.T) {
			defer f.quiet(t)
			if place == "constructor of Scoped" { // it was never created
				f.open.Add(1)
				defer f.open.Add(-1)
			}
			c := f.p.enter(t, f.app, asking(place))
			if accepted {
				apptest.Expect[string](c, "hello")
				echoes(t, c)
				c.Close()
				return
			}
			if e := apptest.Expect[apptest.Exception](c, "exception"); e.Message != internal || e.Cause == nil || e.Cause.Pattern != "handleConnection" {
				t.Errorf("the client gets %+v, want %q", e, internal)
			}
			end := c.ExpectClose()
			if f.p.name == "ws" && end.Code != 1008 || f.p.name == "socketio" && end.Reason != "io server disconnect" {
				t.Errorf("the connection ends with %v", end)
			}
			c.Close()
		})
	}
}

// departures: a panic when a client leaves leaves neither the client nor a cart behind.
func (f *field) departures(t *testing.T) {
	for _, place := range []string{"HandleDisconnect", "closer of Scoped"} {
		for name, leave := range map[string]func(*apptest.Client){"close": (*apptest.Client).Close, "reset": (*apptest.Client).Abort} {
			t.Run(place+", "+name, func(t *testing.T) {
				defer f.quiet(t)
				c := f.p.enter(t, f.app, asking(place))
				id := apptest.Expect[string](c, "hello")
				leave(c)
				testkit.Eventually(t, "the panic is in the log, once", func() bool {
					return len(f.log.Lines("level=ERROR", "panic", "stack=", "client="+id)) == 1
				})
			})
		}
	}
}
