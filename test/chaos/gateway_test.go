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

// note is what clients say. Both ways it is checked byte by byte.
type note struct {
	Who  string `json:"who"`
	N    int    `json:"n"`
	Text string `json:"text"`
	Pad  []byte `json:"pad,omitempty"`
}

// chat notes what it handles.
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

func who(c websockets.Client) string { return c.Request().URL.Query().Get("who") }

func (c *chat) HandleConnection(_ context.Context, client websockets.Client) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connects++
	c.present[who(client)]++
	return nil
}

func (c *chat) HandleDisconnect(_ context.Context, client websockets.Client, _ websockets.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disconnects++
	c.present[who(client)]--
	delete(c.last, client.ID())
}

// Put answers with the note itself, after an event that must arrive before.
func (c *chat) Put(ctx context.Context, n note) (note, error) {
	client := websockets.ClientFrom(ctx)
	c.mu.Lock()
	if c.handled[n.Who] == nil {
		c.handled[n.Who] = map[int]bool{}
	}
	if c.handled[n.Who][n.N] {
		c.wrong = append(c.wrong, fmt.Sprintf("%s: %d was handled twice", n.Who, n.N))
	}
	c.handled[n.Who][n.N] = true
	// Those of one connection; one that is cut may be behind the one after it.
	if last := c.last[client.ID()]; n.N <= last {
		c.wrong = append(c.wrong, fmt.Sprintf("%s: %d was handled after %d", n.Who, n.N, last))
	}
	c.last[client.ID()] = n.N
	c.mu.Unlock()
	_ = client.Emit(ctx, "heard", n.N) // who has left by now does not hear it
	return n, nil
}

// here is how many connections of a client there are.
func (c *chat) here(who string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.present[who]
}

// check compares what clients have acks of with what was handled.
func (c *chat) check(t *testing.T, acked map[string][]int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.wrong {
		t.Error(w)
	}
	for who, list := range acked {
		for _, n := range list {
			if !c.handled[who][n] {
				t.Errorf("%s has an ack of %d, which was not handled", who, n)
			}
		}
		t.Logf("%s: %d handled, %d acked", who, len(c.handled[who]), len(list))
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
