// Package keep bounds what a connection keeps of the request that opened it.
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

// DefaultHeaders is how many bytes of headers are kept by default: names and values and
// what their places cost.
const DefaultHeaders = 16 << 10

// What the entry of a name in the map, and a value in its slice, cost beside their text.
const (
	nameCost  = 64
	valueCost = 16
)

// header is that of one handshake, bounded: its namespaces share it.
type header struct {
	once sync.Once
	kept http.Header
	left []string // names
}

type (
	memoKey struct{} // of the *header of a handshake
	keptKey struct{} // is in the context of what Request returns
)

// Holder is a holder of values in a request's context that stays in it.
type Holder interface {
	pipeline.Holder
	// KeepWithRequest does nothing.
	KeepWithRequest()
}

// Detach returns a copy of r for a handshake that outlives the HTTP handler: its
// context does not end, and it has no body.
func Detach(r *http.Request) *http.Request {
	ctx := context.WithoutCancel(r.Context())
	if ctx.Value(memoKey{}) == nil {
		ctx = context.WithValue(ctx, memoKey{}, &header{})
	}
	r = r.WithContext(ctx)
	r.Body = http.NoBody
	return r
}

// Request returns what a connection keeps of r: method, URL, path values, host,
// addresses, and at most most bytes of headers, [DefaultHeaders] where that is 0. Headers are kept whole, those
// of the protocol first, then by name; one that does not fit is left out, and left are
// the names of those. The context has the client's address and no end. Body, forms,
// TLS state and the server's context are gone. What Request has returned is returned
// as it is.
func Request(r *http.Request, most int) (kept *http.Request, left []string) {
	if r == nil || r.Context().Value(keptKey{}) != nil {
		return r, nil
	}
	h, ok := r.Context().Value(memoKey{}).(*header)
	if !ok {
		h = &header{}
	}
	h.once.Do(func() { h.kept, h.left = trim(r.Header, cmp.Or(most, DefaultHeaders)) })

	ctx := remote.With(context.WithValue(context.Background(), keptKey{}, true), remote.Of(r))
	if v, ok := pipeline.HolderFrom(r.Context()).(Holder); ok {
		ctx = pipeline.WithHolder(ctx, v)
	}
	bare := r.WithContext(ctx)
	bare.Header, bare.Trailer, bare.TransferEncoding = nil, nil, nil
	bare.Form, bare.PostForm, bare.MultipartForm = nil, nil, nil
	bare.TLS, bare.Cancel, bare.Response, bare.GetBody = nil, nil, nil, nil //nolint:staticcheck // Cancel is deprecated, and somebody may have set it
	kept = bare.Clone(ctx)                                                  // path values can be copied in no other way
	kept.Header, kept.Body, kept.ContentLength = h.kept, http.NoBody, 0
	return kept, h.left
}

// Copy returns r with path values of its own. Its headers are those of r, not copies.
func Copy(r *http.Request) *http.Request {
	bare := r.WithContext(r.Context())
	bare.Header, bare.Trailer = nil, nil
	bare.Form, bare.PostForm, bare.MultipartForm = nil, nil, nil
	c := bare.Clone(r.Context())
	c.Header, c.Trailer = r.Header, r.Trailer
	c.Form, c.PostForm, c.MultipartForm = r.Form, r.PostForm, r.MultipartForm
	return c
}

func trim(all http.Header, room int) (kept http.Header, left []string) {
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
	kept = make(http.Header, min(len(all), room/nameCost))
	for _, name := range names {
		cost := nameCost + len(name)
		for _, v := range all[name] {
			cost += valueCost + len(v)
		}
		if cost > room {
			left = append(left, name)
			continue
		}
		room -= cost
		kept[name] = slices.Clone(all[name]) // the server has all values of a request in one array
	}
	return kept, left
}

// protocol reports whether servers need the header for the handshake itself.
func protocol(name string) bool {
	switch name {
	case "Connection", "Upgrade", "Origin", "Content-Type", "Content-Length":
		return true
	}
	return strings.HasPrefix(name, "Sec-Websocket-")
}
