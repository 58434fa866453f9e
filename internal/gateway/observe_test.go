package gateway

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// steps records what hooks are called with.
type steps struct {
	mu  sync.Mutex
	all []string
}

func (s *steps) addf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, fmt.Sprintf(format, args...))
}

func (s *steps) want(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.all, want) {
		t.Errorf("hooks:\n%q, want\n%q", s.all, want)
	}
	s.all = nil
}

func (s *steps) clientHooks() observe.Hooks {
	return observe.Hooks{
		Connected: func(c websockets.Client) { s.addf("connected %s %v", c.ID(), c.Recovered()) },
		Disconnected: func(c websockets.Client, r websockets.Reason, lasted time.Duration) {
			s.addf("disconnected %s %v after %v", c.ID(), r, lasted)
		},
		Upgraded: func(c websockets.Client) { s.addf("upgraded %s", c.ID()) },
		Joined:   func(c websockets.Client, room string) { s.addf("%s joined %s", c.ID(), room) },
		Left:     func(c websockets.Client, room string) { s.addf("%s left %s", c.ID(), room) },
		Sent:     func(c websockets.Client, e observe.Sent) { s.addf("%s sent %s", c.ID(), e.Event) },
		Drain:    func(d observe.DrainStep) { s.addf("%s %d", d.Phase, d.Clients) },
	}
}

// A client that is suspended leaves its rooms for the observers, and joins those in which it
// is when it is recovered.
func TestHooksOfARecoveredClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec steps
		d := &testGateway{connect: func(_ context.Context, c websockets.Client) error {
			if c.Recovered() {
				return nil
			}
			return c.Join("a", "b")
		}}
		k := newObservedRuntime(t, []observe.Hooks{rec.clientHooks()}, []*testGateway{d})
		p := k.dial()
		rec.want(t, "connected peer-1 false", "peer-1 joined a", "peer-1 joined b")
		<-time.After(time.Second)
		susp := p.sess.Suspend(websockets.Reason{Cause: websockets.CauseTransportClose})
		synctest.Wait()
		rec.want(t, "peer-1 left a", "peer-1 left b", "disconnected peer-1 transport close after 1s")
		d.Server.Local().Leave("a", "other")
		if n := k.rt.Stats().Endpoints[0]; n.Clients != 0 || n.Suspended != 1 {
			t.Errorf("statistics %+v", n)
		}
		emitTo(t, d.Server.To("b"), "missed")
		rec.want(t, "peer-1 sent missed")
		p = k.resume(p, susp)
		rec.want(t, "connected peer-1 true", "peer-1 joined b")
		if n := k.rt.Stats().Endpoints[0]; n.Recovered != 1 || n.NotRecovered != 0 {
			t.Errorf("statistics %+v", n)
		}
		p.sess.Upgraded()
		p.sess.Closed(websockets.Reason{})
		synctest.Wait()
		rec.want(t, "upgraded peer-1", "peer-1 left b", "disconnected peer-1 transport close after 0s")
		k.dial().sess.Suspend(websockets.Reason{Cause: websockets.CauseTransportClose}).Drop()
		if n := k.rt.Stats().Endpoints[0]; n.Recovered != 1 || n.NotRecovered != 1 {
			t.Errorf("statistics %+v", n)
		}
		synctest.Wait()
	})
}

// Drain reports clients whose handlers do not end before the deadline.
func TestHooksOfALateStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec steps
		release := make(chan struct{})
		d := &testGateway{subs: []websockets.Subscription{websockets.Listen("wait", func(context.Context, websockets.Payload) error {
			<-release
			return nil
		})}}
		k := newObservedRuntime(t, []observe.Hooks{{Drain: rec.clientHooks().Drain}}, []*testGateway{d})
		p := k.dial()
		k.dial()
		p.ask("wait", "1")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := k.rt.Stop(ctx); err == nil {
			t.Error("Stop returns no error although a handler has not ended")
		}
		rec.want(t, "started 2", "closing 2", "late 1", "done 0")
		close(release)
		synctest.Wait()
	})
}

type traceKey struct{}

// valueLog records which value the contexts of log lines have.
type valueLog struct {
	slog.Handler

	seen map[string]any
}

func (valueLog) Enabled(context.Context, slog.Level) bool { return true }

func (l valueLog) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l valueLog) Handle(ctx context.Context, r slog.Record) error {
	l.seen[r.Message] = ctx.Value(traceKey{})
	return nil
}

// What follows a handler has the context of the observers, with which a log line belongs to a trace: the log line of an
// error, filters and outcome interceptors. It ends with the client, not with a stream.
func TestContextOfAnObservedMessage(t *testing.T) {
	hooks := []observe.Hooks{{Handle: func(ctx context.Context, _ observe.Handling) (context.Context, func(observe.Outcome)) {
		return context.WithValue(ctx, traceKey{}, "trace"), nil
	}}}
	failure := errors.New("broken")
	for name, sub := range map[string]func(...websockets.HandlerOption) websockets.Subscription{
		"handler": func(opts ...websockets.HandlerOption) websockets.Subscription {
			return websockets.On("move", func(context.Context, point) (point, error) { return point{}, failure }, opts...)
		},
		"stream": func(opts ...websockets.HandlerOption) websockets.Subscription {
			return websockets.Stream("move", func(context.Context, point) iter.Seq2[websockets.Response[point], error] {
				return func(yield func(websockets.Response[point], error) bool) { yield(websockets.Response[point]{}, failure) }
			}, opts...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			log, filtered, reported := valueLog{slog.DiscardHandler, map[string]any{}}, any(nil), any(nil)
			filter := websockets.UseFilters(pipeline.FilterFunc(func(ctx context.Context, _ *pipeline.Call, _ error) *pipeline.Error {
				filtered = ctx.Value(traceKey{})
				return nil
			}))
			outcome := websockets.UseInterceptors(pipeline.OutcomeFunc(func(ctx context.Context, _ *pipeline.Call, _ pipeline.Outcome) {
				if reported = ctx.Value(traceKey{}); ctx.Err() != nil {
					t.Errorf("the context has ended: %v", context.Cause(ctx))
				}
			}))
			dispatchersOf(t, hooks, slog.New(log), sub(filter, outcome))()()
			if filtered != "trace" || reported != "trace" || log.seen["gateway failed"] != "trace" {
				t.Errorf("filter %v, outcome interceptor %v, log %v", filtered, reported, log.seen)
			}
		})
	}
}

// A message that is observed needs no memory for it, with one observer and with two.
func TestObserversAllocateNothing(t *testing.T) {
	handle := observe.Hooks{
		Received: func(websockets.Client, observe.Received) {},
		Handle: func(ctx context.Context, _ observe.Handling) (context.Context, func(observe.Outcome)) {
			return ctx, func(observe.Outcome) {}
		},
	}
	for n := 1; n <= 2; n++ {
		dispatch := dispatchers(t, []observe.Hooks{handle, handle}[:n], slog.New(slog.DiscardHandler))()
		least := math.Inf(1)
		for range 200 { // the race detector, and the collector, empty pools at times
			least = min(least, testing.AllocsPerRun(1, dispatch))
		}
		if least != 0 {
			t.Errorf("%v allocations with %d observers", least, n)
		}
	}
}

// The endpoint of a client is the declared one, whatever the client has asked for.
func TestEndpointOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []observe.Endpoint
		k := newObservedRuntime(t, []observe.Hooks{{Connected: func(c websockets.Client) { got = append(got, observe.EndpointOf(c)) }}},
			[]*testGateway{{}}, websockets.Namespace("rooms/{room}"))
		s := newSession(k.endpoint(), sink{}, k.handshake("/rooms/tea"))
		if e := observe.EndpointOf(s); e != (observe.Endpoint{Platform: "test", Path: "/", Namespace: "/rooms/{room}"}) {
			t.Errorf("%+v", e)
		}
		hiding := newObservedRuntime(t, []observe.Hooks{{Connected: func(websockets.Client) {}}}, []*testGateway{{}}, websockets.HideCauseData())
		if e := observe.EndpointOf(newSession(hiding.endpoint(), sink{}, hiding.handshake("/"))); !e.HidesPayloads {
			t.Errorf("%+v", e)
		}
		if e := observe.EndpointOf(nil); e != (observe.Endpoint{}) {
			t.Errorf("%+v of no client", e)
		}
	})
}
