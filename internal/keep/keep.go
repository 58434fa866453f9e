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

	"github.com/gatehouse-go/gatehouse/internal/remote"
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
	kept    http.Header
	dropped []string // names
}

type (
	headerKey struct{} // the *header of a handshake
	keptKey   struct{} // set in the context of requests that Request has returned
)

// Holder marks a holder of values that Request keeps in the context.
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

// Request returns what a connection keeps of r: method, URL, path values, host,
// addresses, and up to limit bytes of headers; 0 means [DefaultHeaders]. Headers of the
// WebSocket handshake are kept first, then others by name; a header that does not fit is
// dropped as a whole, and dropped lists the names. The context has the client's address
// and is never canceled. Body, forms, TLS state and the server's context are removed. A
// request that Request has returned is returned unchanged.
func Request(r *http.Request, limit int) (kept *http.Request, dropped []string) {
	if r == nil || r.Context().Value(keptKey{}) != nil {
		return r, nil
	}
	h, ok := r.Context().Value(headerKey{}).(*header)
	if !ok {
		h = &header{}
	}
	h.once.Do(func() { h.kept, h.dropped = trim(r.Header, cmp.Or(limit, DefaultHeaders)) })

	ctx := remote.With(context.WithValue(context.Background(), keptKey{}, true), remote.Of(r))
	if v, ok := pipeline.HolderFrom(r.Context()).(Holder); ok {
		ctx = pipeline.WithHolder(ctx, v)
	}
	bare := r.WithContext(ctx)
	bare.Header, bare.Trailer, bare.TransferEncoding = nil, nil, nil
	bare.Form, bare.PostForm, bare.MultipartForm = nil, nil, nil
	bare.TLS, bare.Cancel, bare.Response, bare.GetBody = nil, nil, nil, nil //nolint:staticcheck // Cancel is deprecated, but may be set
	kept = bare.Clone(ctx)                                                  // the only way to copy path values
	kept.Header, kept.Body, kept.ContentLength = h.kept, http.NoBody, 0
	return kept, h.dropped
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

func trim(all http.Header, limit int) (kept http.Header, dropped []string) {
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
	kept = make(http.Header, min(len(all), limit/nameCost))
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
		kept[name] = slices.Clone(all[name]) // net/http stores all values of a request in one array
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
