// Package keep reduces the request that opened a connection to what the connection
// keeps, and limits its memory.
package keep

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// DefaultHeaders is the default limit of kept headers in bytes: names and values, and the
// overhead of storing them.
const DefaultHeaders = 16 << 10

// Overhead in bytes of a name in the map, and of a value in its slice.
const (
	nameCost  = 64
	valueCost = 16
)

// header is the limited header of one handshake, shared by its namespaces.
type header struct {
	once    sync.Once
	text    string // see appendHeader
	names   int
	dropped []string // names

	mu    sync.Mutex
	first *compact // see share
}

// headerOf returns the limited header of a request.
func headerOf(r *http.Request, limit int) *header {
	h, ok := r.Context().Value(headerKey{}).(*header)
	if !ok {
		h = &header{}
	}
	h.once.Do(func() {
		var names []string
		names, h.dropped = trim(r.Header, cmp.Or(limit, DefaultHeaders))
		var room [512]byte // usually enough
		h.text, h.names = string(appendHeader(room[:0], r.Header, names)), len(names)
	})
	return h
}

type (
	headerKey struct{} // the *header of a handshake
	keptKey   struct{} // the *compact of a request that was made of one
)

// Holder marks a holder of values that stays in the context.
type Holder interface {
	pipeline.Holder
	// KeepWithRequest does nothing.
	KeepWithRequest()
}

// Detach returns a copy of r for a handshake that outlives the HTTP handler: without body
// and with a context that is never canceled.
func Detach(r *http.Request) *http.Request {
	ctx := context.WithoutCancel(r.Context())
	if ctx.Value(headerKey{}) == nil {
		ctx = context.WithValue(ctx, headerKey{}, &header{})
	}
	r = r.WithContext(ctx)
	r.Body = http.NoBody
	return r
}

// Request returns what [Slot.Trim] keeps of r, as a request. A request that it or a trimmed slot has
// returned is returned unchanged, and one that is still in use is returned for the same handshake again.
func Request(r *http.Request, limit int) (kept *http.Request, dropped []string) {
	if r == nil || r.Context().Value(keptKey{}) != nil {
		return r, nil
	}
	c, dropped := compactOf(r, limit)
	return c.request(), dropped
}

// bareOf returns a shallow copy of r without what a connection does not keep, and without header.
func bareOf(ctx context.Context, r *http.Request) *http.Request {
	bare := r.WithContext(ctx)
	bare.Header, bare.Trailer, bare.TransferEncoding = nil, nil, nil
	bare.Form, bare.PostForm, bare.MultipartForm = nil, nil, nil
	bare.TLS, bare.Cancel, bare.Response, bare.GetBody = nil, nil, nil, nil //nolint:staticcheck // Cancel is deprecated, but may be set
	bare.Body = http.NoBody
	return bare
}

// Copy returns a copy of r with its own path values. It shares the headers with r.
func Copy(r *http.Request) *http.Request {
	bare := r.WithContext(r.Context())
	bare.Header, bare.Trailer = nil, nil
	bare.Form, bare.PostForm, bare.MultipartForm = nil, nil, nil
	c := bare.Clone(r.Context())
	c.Header, c.Trailer = r.Header, r.Trailer
	c.Form, c.PostForm, c.MultipartForm = r.Form, r.PostForm, r.MultipartForm
	return c
}

// trim returns the names of the headers that are kept, and of those that are not.
func trim(all http.Header, limit int) (kept, dropped []string) {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if pa, pb := protocol(a), protocol(b); pa != pb {
			if pa {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		cost := nameCost + len(name)
		for _, v := range all[name] {
			cost += valueCost + len(v)
		}
		if cost > limit {
			dropped = append(dropped, name)
			continue
		}
		limit -= cost
		kept = append(kept, name)
	}
	return kept, dropped
}

// protocol reports whether the handshake needs the header.
func protocol(name string) bool {
	switch name {
	case "Connection", "Upgrade", "Origin", "Content-Type", "Content-Length":
		return true
	}
	return strings.HasPrefix(name, "Sec-Websocket-")
}
