package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// keep handles a Park: it has this node claim the client. It waits for nothing, since it runs on the worker of a node.
func (mv *moves) keep(m *backplane.Message) error {
	var body parkBody
	if err := decodeMove(m, &body); err != nil {
		return err
	}
	if badKey(body.Key) || len(m.Select.Endpoints) != 1 {
		return envelope.ErrInvalid
	}
	e := mv.rt.byKey[m.Select.Endpoints[0]]
	from, request, namespace := m.Origin, m.Request, m.Select.Namespace
	mv.mu.Lock()
	full := mv.keeping >= maxMoves
	if !full {
		mv.keeping++
	}
	mv.mu.Unlock()
	if !full {
		started := mv.do(func() {
			kept := e != nil && mv.keepFrom(from, request, e, namespace, body.Key)
			mv.mu.Lock()
			mv.keeping--
			mv.mu.Unlock()
			if !kept {
				mv.refusePark(from, request)
			}
		})
		if started {
			return nil
		}
		mv.mu.Lock()
		mv.keeping--
		mv.mu.Unlock()
	}
	mv.refusePark(from, request)
	return nil
}

func (mv *moves) refusePark(to, request string) {
	_ = mv.send(to, request, &backplane.Message{Kind: backplane.ClaimDone}) // otherwise that node learns it by the end of parkTime
}

// keepFrom claims a client that another node parks, and keeps it.
func (mv *moves) keepFrom(from, request string, e *endpoint, namespace, key string) bool {
	mover := e.mover()
	if mover == nil || !e.Match(namespace) || !mv.rt.accepting.Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(mv.rt.ctx, claimTime)
	defer cancel()
	h := &adapter.Handshake{Handshake: websockets.Handshake{
		Request: &http.Request{Method: http.MethodGet, URL: &url.URL{Path: e.srv.path}, Header: http.Header{}}, Namespace: namespace,
	}}
	a, r := mv.claimFrom(ctx, []string{from}, request, e, h, claimBody{Key: key, Park: true})
	if a == nil {
		mv.failed(r.failure)
		return false
	}
	return a.keep(mover)
}

// keep has the client be suspended here. It ends the arrival.
func (a *arrival) keep(mover adapter.Mover) (kept bool) {
	a.once.Do(func() {
		kept = a.suspend(mover)
		a.end(kept)
	})
	return kept
}

func (a *arrival) suspend(mover adapter.Mover) bool {
	mv, s, b := a.claim.mv, a.s, a.last.Parked
	if b == nil {
		return false
	}
	if err := pipeline.RestoreShared(s.hs, a.ep.shares, a.last.Shared); err != nil {
		a.ep.log.Error("shared values of a client of another node do not decode", "client", s.ID(), "error", err)
	}
	p := adapter.Parked{ID: s.ID(), Namespace: s.hs.Namespace, From: a.node, Key: a.key, Positions: b.Positions, Left: time.Duration(b.Left) * time.Millisecond, Guessed: b.Guessed}
	p.Address, _ = netip.ParseAddr(b.Address) // the zero value is unknown
	s.parkedAs = &parkedIdentity{a.key, b.Identities}
	var suspended func(adapter.Session, adapter.Suspension)
	mv.freeze(func(now vector) {
		s.late = mv.lateAt(now, a.last.Delivered)
		missed, complete := a.conn.merge(a.last)
		if !complete || s.disconnected.Load() || !s.mayReturn() {
			return
		}
		p.Missed = missed
		conn, f, ok := mover.Keep(p)
		if !ok {
			return
		}
		a.conn.to.Store(&conn)
		suspended = f
	})
	if suspended == nil {
		mv.failed(failedHere)
		return false
	}
	a.track(s)
	suspended(s, suspension{s})
	return true
}

// closedChannel is closed.
var closedChannel = func() chan struct{} { c := make(chan struct{}); close(c); return c }()
