package zishang

import (
	"net/http"
	"sync"
)

// place is the place of a connection that is being opened, see
// websockets.ServerConfig.Reserve. It is in the context of the request that opens it.
type place struct {
	mu      sync.Mutex
	release func() // nil where places are not counted
	taken   bool   // by a link
	settled bool   // the request has been answered
}

type placeKey struct{}

func placeOf(r *http.Request) *place {
	p, _ := r.Context().Value(placeKey{}).(*place)
	return p
}

// take makes the place the link's, which releases it when the connection has ended.
func (p *place) take() (release func()) {
	if p == nil {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.release == nil || p.settled {
		return func() {}
	}
	p.taken = true
	return p.release
}

// settle gives the place back where no link has taken it.
func (p *place) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = true
	if p.release != nil && !p.taken {
		p.release()
	}
}
