package zishang

import (
	"context"
	"net/http"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/keep"
)

// place is the place of a connection that is being opened, see
// adapter.ServerConfig.Reserve. It is in the context of the request that opens it.
type place struct {
	mu      sync.Mutex
	request *http.Request // all of it, for guards; nil once it is the link's
	kept    *http.Request // of it, by the library; in use here, so that the link gets the same one
	release func()        // nil where places are not counted
	taken   bool          // by a link
	settled bool          // the request has been answered
}

type placeKey struct{}

func placeOf(r *http.Request) *place {
	p, _ := r.Context().Value(placeKey{}).(*place)
	return p
}

// lasting returns the request as the library keeps it, as long as the connection,
// with so many bytes of headers.
func lasting(r *http.Request, most int) *http.Request {
	p := placeOf(r)
	if p == nil { // an upgrade
		kept, _ := keep.Request(keep.Detach(r), most)
		return kept
	}
	kept, _ := keep.Request(p.request, most)
	p.mu.Lock()
	p.kept = kept
	p.mu.Unlock()
	return kept.WithContext(context.WithValue(kept.Context(), placeKey{}, p))
}

// take makes the place the link's, which releases it when the connection has ended.
func (p *place) take() (r *http.Request, release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, p.request = p.request, nil
	if p.release == nil || p.settled {
		return r, func() {}
	}
	p.taken = true
	return r, p.release
}

// settle releases the place where no link has taken it.
func (p *place) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = true
	if p.release != nil && !p.taken {
		p.release()
	}
}
