package gateway

import (
	"net/http"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// place is the place of a connection among app.MaxConnections and
// app.MaxConnectionsPerAddress. The connection holds it, and so does everything that the
// connection has started: its clients until HandleDisconnect has returned, and checks of
// its handshakes. A client that leaves behind handlers which ignore their context, and
// connects again, thus reaches these limits. A nil place counts nothing.
type place struct {
	holders atomic.Int32
	release func()
}

// newPlace returns a place that the connection holds.
func newPlace(release func()) *place {
	p := &place{release: release}
	p.holders.Store(1)
	return p
}

// placeOf returns the place of the connection that a request has opened, or opens.
func placeOf(r *http.Request) *place {
	if v, ok := pipeline.HolderFrom(r.Context()).(*requestValues); ok {
		return v.place
	}
	return nil // a middleware has changed the context
}

// hold adds a holder. It returns false when nothing holds the place any more: the
// connection has ended.
func (p *place) hold() bool {
	if p == nil {
		return true
	}
	for {
		n := p.holders.Load()
		if n == 0 {
			return false
		}
		if p.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// drop removes a holder. The last one returns the place.
func (p *place) drop() {
	if p != nil && p.holders.Add(-1) == 0 {
		p.release()
	}
}

// reserving returns the function that reserves places for connections, observed.
func (s *boundServer) reserving(reserve func(*http.Request) (func(), error)) func(*http.Request) (func(), error) {
	if reserve == nil {
		return nil
	}
	return func(r *http.Request) (func(), error) {
		release, err := reserve(r)
		if err != nil {
			s.observeRefused(r, observe.StageLimit, err)
			return nil, err
		}
		v, ok := pipeline.HolderFrom(r.Context()).(*requestValues)
		if !ok {
			return release, nil
		}
		v.place = newPlace(release)
		var released atomic.Bool
		return func() {
			if released.CompareAndSwap(false, true) {
				v.place.drop()
			}
		}, nil
	}
}
