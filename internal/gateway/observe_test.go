package gateway

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
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
