package recovery_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// each runs a test over WebSocket and polling.
func each(t *testing.T, f func(t *testing.T, w ways.Way)) {
	t.Helper()
	for _, w := range ways.Own() {
		t.Run(w.Name, func(t *testing.T) { f(t, w) })
	}
}

// newStage starts a gateway with recovery. Each client is in a room of its own, named by its id.
func newStage(t *testing.T, w ways.Way, r *socketio.Recovery, opts ...stage.Option) *stage.Stage {
	t.Helper()
	return w.Stage(t, append([]stage.Option{
		stage.Gateway(socketio.Options{Recovery: r}),
		stage.OnConnect(func(_ context.Context, c websockets.Client) error { return c.Join(c.ID()) }),
	}, opts...)...)
}

// client remembers what socket.io-client remembers.
type client struct {
	s                *stage.Stage
	w                ways.Way
	l                *ways.Line
	sid, pid, offset string
	lines            []string // of its handshakes
}

// connect enters the namespace as a new client.
func connect(t *testing.T, s *stage.Stage, w ways.Way, lines ...string) *client {
	t.Helper()
	c := &client{s: s, w: w, l: w.Dial(t, s, lines...), lines: lines}
	c.enter("")
	return c
}

// enter enters the namespace, and returns the events that arrive before HandleConnection has returned.
func (c *client) enter(auth string) (got []string) {
	c.l.T.Helper()
	c.l.Send("40" + auth)
	var answer struct{ SID, PID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(c.l.Want("40"), "40")), &answer); err != nil {
		c.l.T.Fatal(err)
	}
	c.sid, c.pid = answer.SID, answer.PID
	c.l.Send(`421["echo","."]`)
	for text := c.next(); text != ""; text = c.next() {
		got = append(got, text)
	}
	return got
}

// next reads one packet. It returns the first argument of an event, as text, and "" for the answer to an echo.
func (c *client) next() string {
	c.l.T.Helper()
	packet, ok := c.l.Read()
	if !ok {
		c.l.T.Fatalf("the connection has ended: %d %s", c.l.Code, c.l.Text)
	}
	if strings.HasPrefix(packet, "431") {
		return ""
	}
	packet, ok = strings.CutPrefix(packet, "42")
	call := strings.TrimLeft(packet, "0123456789")
	var args []any
	if err := json.Unmarshal([]byte(call), &args); !ok || err != nil {
		c.l.T.Fatalf("got %.200q: %v", packet, err)
	}
	if call == packet { // the last argument of a call is the function that answers
		if text, ok := args[len(args)-1].(string); ok { // as socket.io-client does, whatever the text is
			c.offset = text
		}
	}
	text, _ := args[min(1, len(args)-1)].(string)
	return text
}

// want reads one event with the text.
func (c *client) want(text string) {
	c.l.T.Helper()
	if got := c.next(); got != text {
		c.l.T.Fatalf("got %.100q, want %.100q", got, text)
	}
}

// emit sends an event to the client, connected or not.
func (c *client) emit(text string, opts ...websockets.EmitOption) {
	c.l.T.Helper()
	if err := c.s.Server.To(c.sid).Emit(context.Background(), "news", text, opts...); err != nil {
		c.l.T.Fatal(err)
	}
}

// cut cuts the connection, and waits until the server has noticed.
func (c *client) cut() {
	c.l.T.Helper()
	n := len(c.s.Reasons())
	if c.l.WS != nil {
		c.l.WS.Abort()
	} else {
		c.l.Poller.Abort()
	}
	c.s.WantReasons(n + 1)
}

// back reconnects, and checks whether the client is recovered and what it had missed.
func (c *client) back(recovered bool, missed ...string) *client {
	c.l.T.Helper()
	b := &client{s: c.s, w: c.w, l: c.w.Dial(c.l.T, c.s, c.lines...), offset: c.offset, lines: c.lines}
	text, err := json.Marshal(map[string]string{"pid": c.pid, "offset": c.offset})
	if err != nil {
		c.l.T.Fatal(err)
	}
	got := b.enter(string(text))
	if b.sid == c.sid != recovered {
		c.l.T.Fatalf("recovered with the offset %q: %t, want %t", c.offset, !recovered, recovered)
	}
	if strings.Join(got, " ") != strings.Join(missed, " ") {
		c.l.T.Fatalf("after the recovery it receives %q, want %q", got, missed)
	}
	return b
}
