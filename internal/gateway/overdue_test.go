package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const stillRun = "handlers still run after their client has left"

// leaving is how a client leaves.
func leaving(clean bool) websockets.Reason {
	return websockets.Reason{Cause: websockets.CauseTransportClose, Clean: clean}
}

func (p *peer) say(event string) {
	start(p.sess.Receive(&adapter.Message{Event: event, Payload: websockets.Payload{JSON: []byte("1")}}))
	synctest.Wait()
}

// When CloseTimeout has passed since a client left, no further message of it is started. Handlers
// that ignore the end of their context are named: at once when it has ended long ago, and after a
// clean leave, when it ends only then, a moment later.
func TestOverdueHandlers(t *testing.T) {
	for name, c := range map[string]struct {
		clean bool
		opts  []websockets.Option
		task  []websockets.HandlerOption
		named time.Duration // after CloseTimeout
	}{
		"clean":       {clean: true, named: await.Late},
		"not clean":   {},
		"Concurrency": {opts: []websockets.Option{websockets.Concurrency(2)}},
		"Background":  {task: []websockets.HandlerOption{websockets.Background(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				saved, gone := 0, 0
				k := newTestRuntime(t, &testGateway{
					subs: []websockets.Subscription{
						websockets.Listen("ignore", func(context.Context, int) error { <-release; return nil }, c.task...),
						websockets.Listen("save", func(context.Context, int) error { saved++; return nil }),
					},
					leave: func(context.Context, websockets.Client, websockets.Reason) { gone++ },
				}, c.opts...)
				p := k.dial()
				p.say("ignore")
				if name == "Concurrency" {
					p.say("ignore")
				}
				waits := name != "Background"
				if waits {
					p.say("save")
				}
				p.sess.Closed(leaving(c.clean))
				timeout := k.endpoint().srv.limits.CloseTimeout
				<-time.After(timeout - 1)
				synctest.Wait()
				if log := k.log.String(); strings.Contains(log, "dropped") || strings.Contains(log, stillRun) {
					t.Errorf("before CloseTimeout:\n%s", log)
				}
				if c.clean == (p.client().ctx.Err() != nil) {
					t.Errorf("before CloseTimeout the context has ended: %v", p.client().ctx.Err())
				}
				<-time.After(1)
				synctest.Wait()
				if dropped := strings.Contains(k.log.String(), "messages of a client that has left are dropped: the handlers before them took longer than Limits.CloseTimeout"); dropped != waits {
					t.Errorf("at CloseTimeout:\n%s", k.log)
				}
				<-time.After(c.named)
				synctest.Wait()
				if log := k.log.String(); strings.Count(log, stillRun) != 1 || !strings.Contains(log, `running="event \"ignore\" of gateway `) {
					t.Errorf("%v after CloseTimeout:\n%s", c.named, log)
				}
				if gone != 0 || k.endpoint().rt.Self().Clients != 1 || p.client().hs.Connection.Former() != 1 {
					t.Error("the client has ended before its handlers")
				}
				close(release)
				synctest.Wait()
				if saved != 0 {
					t.Error("a message was started after CloseTimeout")
				}
				if gone != 1 || k.endpoint().rt.Self().Clients != 0 || p.client().hs.Connection.Former() != 0 {
					t.Error("the client has not ended with its last handler")
				}
			})
		})
	}
}

// Handlers that return when their context ends, or in time, are not named.
func TestHandlersThatEndInTime(t *testing.T) {
	for name, handle := range map[string]func(ctx context.Context, _ int) error{
		"with the context": func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() },
		"by themselves":    func(context.Context, int) error { <-time.After(time.Second); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newTestRuntime(t, &testGateway{subs: []websockets.Subscription{websockets.Listen("wait", handle)}})
				p := k.dial()
				p.say("wait")
				p.sess.Closed(leaving(true))
				<-time.After(time.Minute)
				synctest.Wait()
				if strings.Contains(k.log.String(), "left") || k.endpoint().rt.Self().Clients != 0 {
					t.Errorf("log:\n%s", k.log)
				}
			})
		})
	}
}

// A client that leaves while the application stops, before or after the stop has come to it, holds it up for CloseTimeout: then
// the context of its handlers ends, though Stop has no deadline.
func TestLeaveWhileStopping(t *testing.T) {
	for name, task := range map[string][]websockets.HandlerOption{"handler": nil, "Background": {websockets.Background(1)}} {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, early %t", name, early), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					k := newTestRuntime(t, &testGateway{subs: []websockets.Subscription{
						websockets.Listen("wait", func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }, task...),
					}})
					p := k.dial()
					p.say("wait")
					if early {
						p.sess.Closed(leaving(true))
					}
					stopped := make(chan error, 1)
					go func() { stopped <- k.rt.Stop(context.WithoutCancel(t.Context())) }()
					synctest.Wait()
					start := time.Now()
					if !early {
						p.sess.Closed(leaving(true))
					}
					if err := <-stopped; err != nil {
						t.Error(err)
					}
					if took, want := time.Since(start), k.endpoint().srv.limits.CloseTimeout; took != want {
						t.Errorf("it took %v, want %v", took, want)
					}
				})
			})
		}
	}
}

// A HandleDisconnect that does not return holds the place, and a client whose connection ended
// after Admit is none.
func TestPlaceOfAClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		connected := 0
		k := newTestRuntime(t, &testGateway{
			connect: func(context.Context, websockets.Client) error { connected++; return nil },
			leave:   func(context.Context, websockets.Client, websockets.Reason) { <-release },
		})
		released := 0
		connect := func(p *place) *peer {
			h := k.handshake("/")
			h.Request = h.Request.WithContext(pipeline.WithHolder(h.Request.Context(), &requestValues{place: p}))
			if err := k.endpoint().Admit(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			c := newPeer("peer")
			c.is(k.endpoint().Connect(c, h))
			synctest.Wait()
			return c
		}
		p := newPlace(func() { released++ })
		c := connect(p)
		c.sess.Closed(leaving(true))
		p.drop() // the connection has ended
		synctest.Wait()
		if released != 0 {
			t.Error("returned while HandleDisconnect runs")
		}
		close(release)
		synctest.Wait()
		if released != 1 {
			t.Errorf("returned %d times", released)
		}
		c = connect(p)
		if connected != 1 || c.closed == nil || released != 1 {
			t.Errorf("%d clients have connected, closed for %v", connected, c.closed)
		}
	})
}

// A connection may leave behind as many clients whose handlers run as maxFormer.
func TestFormerClientsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTestRuntime(t, &testGateway{})
		h := k.handshake("/")
		h.Connection = new(adapter.Connection)
		for range maxFormer {
			if err := k.endpoint().Admit(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			h.Connection.Left()
		}
		err := k.endpoint().Admit(t.Context(), h)
		if e, ok := errors.AsType[*websockets.Error](err); !ok || e.Code != websockets.CodeTooManyTasks || e.Status != http.StatusTooManyRequests {
			t.Errorf("%v", err)
		}
		h.Connection.Ended()
		if err := k.endpoint().Admit(t.Context(), h); err != nil {
			t.Error(err)
		}
	})
}
