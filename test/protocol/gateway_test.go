package protocol_test

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// gateway behaves like the application in test/js/protocol.mjs.
type gateway struct{ left *noteLog }

func newGateway() *gateway { return &gateway{newNoteLog()} }

func (g *gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("message", g.Message),
		websockets.On("message-with-ack", g.MessageWithAck),
		websockets.On("ticks", g.Ticks),
		websockets.Listen("kick", g.Kick),
		websockets.On("left", g.Left, websockets.Background(64)),
	}
}

func (g *gateway) HandleConnection(_ context.Context, c websockets.Client) error {
	auth := c.Auth()
	if auth.IsZero() { // like Node
		auth.JSON = []byte("{}")
	}
	return c.Emit(context.Background(), "auth", auth)
}

func (g *gateway) HandleDisconnect(_ context.Context, c websockets.Client, r websockets.Reason) {
	g.left.add(c.ID(), string(r.Cause))
}

func (*gateway) Message(ctx context.Context, p websockets.Payload) error {
	return websockets.ClientFrom(ctx).Emit(ctx, "message-back", p)
}

func (*gateway) MessageWithAck(_ context.Context, p websockets.Payload) (websockets.Payload, error) {
	return p, nil
}

func (*gateway) Ticks(ctx context.Context, n int) (int, error) {
	for i := range n {
		if err := websockets.ClientFrom(ctx).Emit(ctx, "tick", i); err != nil {
			return i, err
		}
	}
	return n, nil
}

func (*gateway) Kick(ctx context.Context, _ struct{}) error {
	websockets.ClientFrom(ctx).Disconnect()
	return nil
}

// Left returns the reason of the disconnect of the client with this id, and waits for it.
func (g *gateway) Left(ctx context.Context, id string) (string, error) {
	reasons, err := g.left.reached(ctx, id, 1)
	if err != nil {
		return "", err
	}
	return reasons[0], nil
}

// noteLog collects notes by key, and lets others wait for them.
type noteLog struct {
	mu      sync.Mutex
	notes   map[string][]string
	changed chan struct{}
}

func newNoteLog() *noteLog {
	return &noteLog{notes: map[string][]string{}, changed: make(chan struct{})}
}

func (l *noteLog) add(key, note string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes[key] = append(l.notes[key], note)
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *noteLog) reached(ctx context.Context, key string, n int) ([]string, error) {
	for {
		l.mu.Lock()
		notes, changed := l.notes[key], l.changed
		l.mu.Unlock()
		if len(notes) >= n {
			return notes, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// requestTracker records each request of the adapter under its sid, when it has been handled
// until it completes, waits for an event, or reads its body.
type requestTracker struct {
	adapter.Adapter
	requests *noteLog
}

func (d requestTracker) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	s, err := d.Adapter.NewServer(cfg)
	return watched{s, d.requests}, err
}

type watched struct {
	adapter.Server
	requests *noteLog
}

func (w watched) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	note := sync.OnceFunc(func() { w.requests.add(r.URL.Query().Get("sid"), r.Method) })
	defer note()
	seen := r.WithContext(waitedFor{r.Context(), note})
	if r.Body != nil && r.Body != http.NoBody {
		seen.Body = readBody{r.Body, note}
	}
	w.Server.ServeHTTP(rw, seen)
}

// waitedFor is the context of a request; a call of Done means that the request waits.
type waitedFor struct {
	context.Context
	note func()
}

func (c waitedFor) Done() <-chan struct{} {
	c.note()
	return c.Context.Done()
}

type readBody struct {
	io.ReadCloser
	note func()
}

func (b readBody) Read(p []byte) (int, error) {
	b.note()
	return b.ReadCloser.Read(p)
}
