package chaos_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	pingInterval = 500 * time.Millisecond
	pingTimeout  = 2 * time.Second
)

// note is a client's message. Its bytes are checked in both directions.
type note struct {
	Client string `json:"client"`
	N      int    `json:"n"`
	Text   string `json:"text"`
	Pad    []byte `json:"pad,omitempty"`
}

// chat records the messages it handles.
type chat struct {
	Server *websockets.Server `websockets:"server"`

	mu                    sync.Mutex
	handled               map[string]map[int]bool
	last                  map[string]int // by connection
	present               map[string]int
	connects, disconnects int
	wrong                 []string
}

func newChat() *chat {
	return &chat{handled: map[string]map[int]bool{}, last: map[string]int{}, present: map[string]int{}}
}

func (c *chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("put", c.Put)}
}

func nameOf(c websockets.Client) string { return c.Request().URL.Query().Get("client") }

func (c *chat) HandleConnection(_ context.Context, client websockets.Client) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connects++
	c.present[nameOf(client)]++
	return nil
}

func (c *chat) HandleDisconnect(_ context.Context, client websockets.Client, _ websockets.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disconnects++
	c.present[nameOf(client)]--
	delete(c.last, client.ID())
}

// Put answers with the note itself, after an event that must arrive before.
func (c *chat) Put(ctx context.Context, n note) (note, error) {
	client := websockets.ClientFrom(ctx)
	c.mu.Lock()
	if c.handled[n.Client] == nil {
		c.handled[n.Client] = map[int]bool{}
	}
	if c.handled[n.Client][n.N] {
		c.wrong = append(c.wrong, fmt.Sprintf("%s: %d was handled twice", n.Client, n.N))
	}
	c.handled[n.Client][n.N] = true
	// Only those of one connection are ordered; a cut connection may be behind its successor.
	if last := c.last[client.ID()]; n.N <= last {
		c.wrong = append(c.wrong, fmt.Sprintf("%s: %d was handled after %d", n.Client, n.N, last))
	}
	c.last[client.ID()] = n.N
	c.mu.Unlock()
	_ = client.Emit(ctx, "received", n.N) // a disconnected client does not receive it
	return n, nil
}

// connections returns the number of a client's connections.
func (c *chat) connections(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.present[name]
}

// check compares the acks of clients with the handled messages.
func (c *chat) check(t *testing.T, acked map[string][]int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.wrong {
		t.Error(w)
	}
	for name, list := range acked {
		for _, n := range list {
			if !c.handled[name][n] {
				t.Errorf("%s has an ack of %d, which was not handled", name, n)
			}
		}
		t.Logf("%s: %d handled, %d acked", name, len(c.handled[name]), len(list))
	}
	if c.connects != c.disconnects {
		t.Errorf("HandleConnection ran %d times, HandleDisconnect %d times", c.connects, c.disconnects)
	}
}

const plainPath = "/ws"

// serve starts an application with the gateway on both platforms.
func serve(t *testing.T) (*chat, *apptest.App) {
	t.Helper()
	c := newChat()
	a := apptest.New(t,
		module.New("chaos", module.Exports(websockets.Gateway(func() *chat { return c },
			websockets.WithLimits(websockets.Limits{PingInterval: pingInterval, PingTimeout: pingTimeout}),
			websockets.Via(socketio.New(socketio.Options{ConnectTimeout: pingTimeout})),
			websockets.Via(ws.New(), websockets.Path(plainPath)),
		))),
		apptest.With(app.Logger(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))))
	return c, a
}
