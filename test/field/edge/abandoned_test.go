package edge_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// stuck is functions of an application that ignore their context and return at the end of the test.
type stuck struct {
	running atomic.Int32
	done    chan struct{}
	release func()
}

// newStuck is called when the application of the test has started, so that it can stop.
func newStuck(t *testing.T) *stuck {
	s := &stuck{done: make(chan struct{})}
	s.release = sync.OnceFunc(func() { close(s.done) })
	t.Cleanup(s.release)
	return s
}

func (s *stuck) wait() {
	s.running.Add(1)
	defer s.running.Add(-1)
	<-s.done
}

func (s *stuck) handle(context.Context, int) error {
	s.wait()
	return nil
}

// want waits until n of them run.
func (s *stuck) want(d *way, n int) {
	d.t.Helper()
	d.Wait("the functions run", func() bool { return s.running.Load() == int32(n) })
}

// enter makes a connection a client and returns how it sends events.
func (c *conn) enter() (send func(events ...string)) {
	t := c.w.t
	var wire rawpeer.Wire
	switch {
	case !strings.HasPrefix(c.w.target, "/socket.io"):
		return func(events ...string) {
			for _, e := range events {
				c.peer.Send(`{"event":"` + e + `","data":1}`)
			}
		}
	case c.w.polling:
		c.peer.Close()
		wire = &rawpeer.Poller{Engine: rawpeer.NewEngine(t, c.w.Addr), SID: c.sid}
	default:
		wire = &rawpeer.Socket{Peer: c.peer}
		wire.Read()
	}
	wire.Send("40")
	if got := wire.Read(); !strings.HasPrefix(got, "40{") {
		t.Fatalf("entering was answered %s", got)
	}
	return func(events ...string) {
		for _, e := range events {
			wire.Send(`42["` + e + `",1]`)
		}
	}
}

// TestField_X12_AbandonedHandlers: The handlers of a client that has left, which ignore their context, keep the place of
// its connection: a client that connects again and again, and leaves handlers behind each time, soon gets 429, while
// others are served, and the log names the events; it gets in again when the handlers have returned.
func TestField_X12_AbandonedHandlers(t *testing.T) {
	const conns, concurrency, background = 3, 4, 2
	one, other := client("203.0.113.5"), client("203.0.113.6")
	limits := stage.App(app.MaxConnectionsPerAddress(conns), app.TrustedProxies("127.0.0.1"))
	var blocked atomic.Pointer[stuck]
	opts := []stage.Option{limits, stage.Gateway(websockets.Concurrency(concurrency)), stage.Handle(
		websockets.Listen("block", func(ctx context.Context, n int) error { return blocked.Load().handle(ctx, n) }),
		websockets.Listen("task", func(ctx context.Context, n int) error { return blocked.Load().handle(ctx, n) }, websockets.Background(background)),
	)}
	for _, leave := range []string{"FIN", "RST"} {
		t.Run(leave, func(t *testing.T) {
			ways(t, opts, func(_ *testing.T, d *way) {
				b := newStuck(d.t)
				blocked.Store(b)
				for i := range conns {
					c := d.want(one)
					send := c.enter()
					send("task", "task", "task", "block", "block", "block", "block", "block", "block")
					b.want(d, (i+1)*(concurrency+background))
					if leave == "RST" && !d.polling {
						c.peer.Reset()
					} else {
						c.leave()
					}
				}
				d.Wait("the log names the events", func() bool {
					_, line, _ := strings.Cut(d.Log.String(), "handlers still run after their client has left")
					return strings.Contains(line, `event \"block\" of gateway`) && strings.Contains(line, `event \"task\" of gateway`)
				})
				for range 5 {
					d.refused(http.StatusTooManyRequests, tooMany, one)
				}
				d.want(other).leave()
				b.release()
				d.eventually(one).leave()
			})
		})
	}
}

// TestField_X12_AbandonedHooks: HandleConnection, and guards of requests and of connections, that ignore their context
// keep the place of the connection until they return, though its client has left or was refused for the timeout.
func TestField_X12_AbandonedHooks(t *testing.T) {
	const conns = 2
	var blocked atomic.Pointer[stuck]
	var kind pipeline.Kind
	guard := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Kind == kind && c.Request.Header.Get("X-Mode") == "block" {
			blocked.Load().wait()
		}
		return nil
	})
	connect := stage.OnConnect(func(_ context.Context, c websockets.Client) error {
		if kind == "" && c.Request().Header.Get("X-Mode") == "block" {
			blocked.Load().wait()
		}
		return nil
	})
	brief := stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond, HandshakeTimeout: 300 * time.Millisecond})
	opts := []stage.Option{brief, connect, stage.App(app.MaxConnections(conns), app.UseGuards(handshakes{guard}))}
	for name, k := range map[string]pipeline.Kind{"HandleConnection": "", "guards of requests": pipeline.KindHandshake, "guards of connections": pipeline.KindConnect} {
		t.Run(name, func(t *testing.T) {
			kind = k
			ways(t, opts, func(_ *testing.T, d *way) {
				b := newStuck(d.t)
				blocked.Store(b)
				for i := range conns {
					c := d.open("X-Mode: block")
					if c.in() {
						c.request()
					}
					b.want(d, i+1)
					c.leave()
				}
				d.Wait("their places are taken", func() bool { return !d.open().in() })
				for range 5 {
					d.refused(http.StatusServiceUnavailable, overloaded)
				}
				b.release()
				d.eventually().leave()
			})
		})
	}
}

// request asks to be a client, and does not wait for the answer.
func (c *conn) request() {
	switch {
	case !strings.HasPrefix(c.w.target, "/socket.io"):
	case c.w.polling:
		p := &rawpeer.Poller{Engine: rawpeer.NewEngine(c.w.t, c.w.Addr), SID: c.sid}
		p.Send("40")
	default:
		c.peer.Send("40")
	}
}
