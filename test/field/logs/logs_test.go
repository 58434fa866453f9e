package logs_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func platforms() map[string]adapter.Adapter {
	return map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New(), "zishang": zishang.New()}
}

// connect connects a client.
func connect(t *testing.T, platform, addr string) *rawpeer.Peer {
	t.Helper()
	if platform == "ws" {
		return rawpeer.Open(t, addr, "/")
	}
	w := rawpeer.NewEngine(t, addr).WebSocket()
	rawpeer.Enter(t, w, "/", "")
	return w.Peer
}

// send sends an event.
func send(p *rawpeer.Peer, platform, event, data string) {
	if platform == "ws" {
		p.Send(`{"event":"` + event + `","data":` + data + `}`)
		return
	}
	p.Send(`42["` + event + `",` + data + `]`)
}

// TestField_X26_LeftWhileConnecting: A client that leaves while HandleConnection runs disconnects with its own cause, and
// that HandleConnection returns the error of its context is not logged as an error.
func TestField_X26_LeftWhileConnecting(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			var log testkit.Log
			running, causes := make(chan struct{}, 1), map[string]error{}
			var mu sync.Mutex
			s := stage.New(t, platform, stage.App(app.Logger(log.Logger(slog.LevelInfo))), stage.OnConnect(func(ctx context.Context, c websockets.Client) error {
				running <- struct{}{}
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				causes[c.ID()] = context.Cause(ctx)
				return ctx.Err()
			}))
			p := connect(t, name, s.Addr)
			testkit.Receive(t, "HandleConnection", running)
			p.Close()
			for _, r := range s.WantReasons(1) {
				if r.Cause != websockets.CauseTransportClose && r.Cause != websockets.CauseTransportError {
					t.Errorf("reason %v", r)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for _, cause := range causes {
				if !errors.Is(cause, websockets.ErrClosed) {
					t.Errorf("the context ended with %v", cause)
				}
			}
			if lines := log.Lines("level=ERROR"); len(lines) > 0 {
				t.Errorf("log: %q", lines)
			}
		})
	}
}

// TestField_X27_RefusedClients: Pages of refused origins, unknown namespaces and paths without a gateway are logged, at most
// once a minute, with the option that they concern.
func TestField_X27_RefusedClients(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			var log testkit.Log
			s := stage.New(t, platform, stage.App(app.Logger(log.Logger(slog.LevelInfo))))
			target := "/"
			if name != "ws" {
				target = rawpeer.NewEngine(t, s.Addr).Query("websocket", "")
			}
			for range 3 {
				p := rawpeer.Dial(t, s.Addr)
				p.Write(rawpeer.Upgrade(target, "Origin: https://other.example"))
				if a := p.Answer(); a.Status != http.StatusForbidden {
					t.Errorf("status %d", a.Status)
				}
				p = rawpeer.Dial(t, s.Addr)
				p.Write(rawpeer.Upgrade("/nowhere"))
				if a := p.Answer(); a.Status != http.StatusNotFound {
					t.Errorf("status %d", a.Status)
				}
				p = rawpeer.Dial(t, s.Addr)
				p.Write(rawpeer.Request(http.MethodGet, "/elsewhere/?EIO=4&transport=polling") + "\r\n")
				if a := p.Answer(); a.Status != http.StatusNotFound {
					t.Errorf("status %d", a.Status)
				}
			}
			wants := map[string]string{"origin=https://other.example": "websockets.Origins", "path=/nowhere": "websockets.Path"}
			if name != "ws" {
				w := rawpeer.NewEngine(t, s.Addr).WebSocket()
				for range 3 {
					w.Send("40/typo,")
					if got := w.Read(); !strings.HasPrefix(got, "44/typo,") {
						t.Errorf("answered %q", got)
					}
				}
				wants["namespace=/typo"] = "websockets.Namespace"
			}
			for attribute, option := range wants {
				if lines := log.Lines(attribute, option); len(lines) != 1 {
					t.Errorf("%d lines with %s and %s:\n%s", len(lines), attribute, option, log.String())
				}
			}
		})
	}
}

// TestField_X28_PlaceOfAPanic: The line about a panic in a handler names the file and line that panicked.
func TestField_X28_PlaceOfAPanic(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			var log testkit.Log
			s := stage.New(t, platform, stage.App(app.Logger(log.Logger(slog.LevelInfo))), stage.Handle(
				websockets.Listen("crash", func(_ context.Context, list []int) error { list[len(list)]++; return nil })))
			p := connect(t, name, s.Addr)
			send(p, name, "crash", "[]")
			testkit.Eventually(t, "the log line", func() bool { return len(log.Lines("gateway failed")) == 1 })
			if len(log.Lines("event=crash", "place=field/logs/logs_test.go:")) != 1 {
				t.Errorf("log: %s", log.String())
			}
		})
	}
}

// clients is a log handler that looks for the client in the context of each line.
type clients struct {
	slog.Handler
	found chan string
}

func (h clients) Handle(ctx context.Context, r slog.Record) error {
	if c := websockets.ClientFrom(ctx); c != nil && r.Message == "gateway failed" {
		h.found <- c.ID()
	}
	return nil
}

func (h clients) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h clients) WithGroup(string) slog.Handler      { return h }

// TestField_X29_ContextOfLines: A log handler finds the client in the context of the lines about it.
func TestField_X29_ContextOfLines(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			found := make(chan string, 1)
			s := stage.New(t, platform, stage.App(app.Logger(slog.New(clients{(&testkit.Log{}).Logger(slog.LevelInfo).Handler(), found}))), stage.Handle(
				websockets.Listen("fail", func(context.Context, int) error { return errors.New("broken") })))
			p := connect(t, name, s.Addr)
			send(p, name, "fail", "1")
			if id := testkit.Receive(t, "a line", found); id == "" {
				t.Error("a client without an id")
			}
		})
	}
}
