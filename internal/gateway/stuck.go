package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// A stop waits for handlers until its context ends. Then their contexts end too; what has not
// returned await.Late after that is stuck: the stop no longer waits for it, and HandleDisconnect
// of the gateways whose turn it would be runs nevertheless.

// disconnecting is a HandleDisconnect that runs, guarded by session.mu.
type disconnecting struct {
	gateway *boundGateway
	next    []*boundGateway // whose HandleDisconnect follows
	reason  websockets.Reason
}

// hookStarted notes the HandleDisconnect that runs.
func (s *session) hookStarted(d *disconnecting) {
	s.mu.Lock()
	s.ensureExtra().disconnecting = d
	s.mu.Unlock()
}

// hookReturned reports whether the goroutine of a HandleDisconnect goes on: false if the stop no
// longer waits for it.
func (s *session) hookReturned(d *disconnecting) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	waited := s.ensureExtra().disconnecting == d
	if waited {
		s.ensureExtra().disconnecting = nil
	}
	return waited
}

// stuckIn returns the functions of the client that run, each with its gateway and place.
func (s *session) stuckIn() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.readExtra().disconnecting; d != nil {
		all = append(all, "HandleDisconnect of gateway "+s.ep.nameOf(d.gateway))
	}
	for sub := range s.readExtra().tasks {
		all = append(all, fmt.Sprintf("event %q of gateway %s", sub.Event, s.ep.nameOf(sub.gateway)))
	}
	switch {
	case s.draining == 0:
	case s.state.hooks == hooksRunning && s.hooked > 0:
		all = append(all, "HandleConnection of gateway "+s.ep.nameOf(s.ep.gateways[s.hooked-1]))
	case s.ep.concurrency > 1:
		for event := range s.readExtra().handling {
			all = s.appendEvent(all, event)
		}
	default:
		all = s.appendEvent(all, s.inbox.last)
	}
	return all
}

// appendEvent appends an event that has a handler.
func (s *session) appendEvent(all []string, event string) []string {
	if sub := cmp.Or(s.ep.subs[event], s.ep.fallback); sub != nil && event != "" {
		all = append(all, fmt.Sprintf("event %q of gateway %s", event, s.ep.nameOf(sub.gateway)))
	}
	return all
}

// forceEnd goes on without the function that runs: with the next HandleDisconnect.
func (s *session) forceEnd() {
	s.mu.Lock()
	d := s.ensureExtra().disconnecting
	s.ensureExtra().disconnecting = nil
	started := !s.state.ended
	s.state.ended = true
	s.mu.Unlock()
	switch {
	case d != nil:
		go s.disconnectHooks(d.next, d.reason)
	case started:
		go s.end()
	}
}

// running returns the clients that have not ended.
func (rt *Runtime) running() []*session {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.Collect(maps.Keys(rt.sessions))
}

// cutOff ends what still runs when the context of a stop has ended. The error names it.
func (rt *Runtime) cutOff(ctx context.Context) error {
	all := rt.running()
	if len(all) == 0 {
		return nil
	}
	rt.hooks.Drain(observe.DrainStep{Phase: observe.DrainLate, Clients: len(all)})
	what := count(all)
	rt.cancel() // the contexts of HandleDisconnect
	for _, s := range all {
		s.cancelCalls(errStopping)
		s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
	}
	err := fmt.Errorf("websockets: stop: handlers of %d clients did not finish in time (%s): return when the context of the handler ends: %w",
		len(all), strings.Join(what, ", "), context.Cause(ctx))
	// HandleDisconnect of several gateways may be stuck, one after the other.
	for range 1 + slices.Max(append(rt.gatewaysOfEndpoints(), 0)) {
		if await.Within(await.Late, rt.empty) {
			return err
		}
		stuck := rt.running()
		for _, name := range count(stuck) {
			rt.log.Error("handler is stuck: the stop no longer waits for it", "handler", name)
		}
		err = errors.Join(err, fmt.Errorf("websockets: stop: %s %w", strings.Join(count(stuck), ", "), await.ErrStuck))
		for _, s := range stuck {
			s.forceEnd()
		}
	}
	await.Within(await.Late, rt.empty)
	return err
}

// gatewaysOfEndpoints returns how many gateways each endpoint has.
func (rt *Runtime) gatewaysOfEndpoints() (n []int) {
	for _, e := range rt.endpoints {
		n = append(n, len(e.gateways))
	}
	return n
}

// count returns the functions that clients run, each once with the number of its clients.
func count(all []*session) (names []string) {
	clients := map[string]int{}
	for _, s := range all {
		for _, name := range s.stuckIn() {
			clients[name]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(clients)) {
		unit := "clients"
		if clients[name] == 1 {
			unit = "client"
		}
		names = append(names, fmt.Sprintf("%s: %d %s", name, clients[name], unit))
	}
	const most = 10
	if n := len(names); n > most {
		names = append(names[:most], fmt.Sprintf("and %d more", n-most))
	}
	return names
}
