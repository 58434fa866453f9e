package embedded

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
)

const (
	// settleSubject is where nodes ask the others whether they have handled what was sent before.
	settleSubject = nats.DefaultPrefix + "._.s"
	// maxSeen bounds the nodes that a node remembers.
	maxSeen = 1000
	// resolveSoon is how soon names are resolved again of which one has no address.
	resolveSoon = time.Second
)

// watch calls Link when nodes can be reached again, so that the framework introduces this node to
// them and looks for what it has missed, and keeps the addresses of peers up to date.
func (e *Engine) watch(srv *server.Server, in *watched, r *resolver, configured peers) {
	known := routes(srv)
	seen := map[string]struct{}{}
	for id := range known {
		seen[id] = struct{}{}
	}
	every, soon := e.opts.resolveEvery, min(resolveSoon, e.opts.resolveEvery)
	resolved := time.Now().Add(soon - every)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-e.ctx.Done():
			return
		}
		now := routes(srv)
		gained, lost := false, false
		for id, number := range now {
			if known[id] == number {
				continue
			}
			_, again := seen[id]
			gained, lost = true, lost || again
			seen[id] = struct{}{}
		}
		known = now
		if len(seen) > maxSeen {
			clear(seen)
		}
		if gained {
			e.settle(e.ctx)
			in.rejoined(lost)
		}
		if len(r.names) > 0 && time.Since(resolved) >= every {
			var complete bool
			configured, complete = e.follow(srv, r, configured)
			if resolved = time.Now(); !complete {
				resolved = resolved.Add(soon - every)
			}
		}
	}
}

// follow resolves the names of peers again. An address that a name does not have any more is kept
// while the node is connected.
func (e *Engine) follow(srv *server.Server, r *resolver, before peers) (now peers, complete bool) {
	now, complete = r.resolve(e.ctx)
	if e.ctx.Err() != nil {
		return before, false
	}
	for _, a := range before {
		if !slices.Contains(now, a) && connectedTo(srv, a) {
			now = append(now, a)
		}
	}
	if slices.Equal(now, before) {
		return now, complete
	}
	if err := srv.ReloadOptions(e.opts.forServer(srv.Name(), now)); err != nil {
		e.opts.log.Error("NATS server does not connect to peers whose addresses have changed", "error", err)
		return before, false
	}
	return now, complete
}

// routes returns the nodes that are connected, by the ids of their servers, each with a number that
// is another one after a reconnect.
func routes(srv *server.Server) map[string]uint64 {
	all := map[string]uint64{}
	each(srv, func(r *server.RouteInfo) { all[r.RemoteID] = r.Rid })
	return all
}

// connectedTo reports whether there is a connection with a host.
func connectedTo(srv *server.Server, a address) (found bool) {
	each(srv, func(r *server.RouteInfo) { found = found || r.IP == a.host })
	return found
}

func each(srv *server.Server, f func(r *server.RouteInfo)) {
	all, err := srv.Routez(nil)
	if err != nil {
		return // it never fails without options
	}
	for _, r := range all.Routes {
		f(r)
	}
}

// settle waits until the other nodes have handled what this node has sent before, for settleWait at
// most. Their answers prove it: subscriptions and messages for a node have one connection.
func (e *Engine) settle(ctx context.Context) {
	nc, srv := e.conn.Load(), e.srv.Load()
	if nc == nil || srv == nil {
		return
	}
	want := len(routes(srv))
	if want == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, e.opts.settleWait)
	defer cancel()
	answers := make(chan *natsgo.Msg, settleAnswers)
	inbox := nc.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return
	}
	defer func() { _ = sub.Unsubscribe() }()
	tick := time.NewTicker(settleWait / 25)
	defer tick.Stop()
	answered := map[string]struct{}{}
	for ask := true; len(answered) < want; {
		if ask {
			if err := nc.PublishRequest(settleSubject, inbox, nil); err != nil {
				return
			}
		}
		ask = false
		select {
		case m := <-answers:
			if len(m.Data) > 0 { // otherwise a report that no node is there to answer yet
				answered[string(m.Data)] = struct{}{}
			}
		case <-tick.C:
			want = min(want, len(routes(srv))) // one may have left
			ask = true                         // or has started just now
		case <-ctx.Done():
			return
		}
	}
}

// settleAnswers is more than there are nodes in a cluster.
const settleAnswers = 256

// watched is the framework's side.
type watched struct {
	backplane.Inbound

	mu sync.Mutex
	up bool
}

// Link implements [backplane.Inbound].
func (w *watched) Link(up, lost bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up = up
	w.Inbound.Link(up, lost, err)
}

// rejoined reports that more nodes can be reached.
func (w *watched) rejoined(lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.up {
		w.Inbound.Link(true, lost, nil)
	}
}
