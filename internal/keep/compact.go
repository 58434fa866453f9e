package keep

import (
	"context"
	"encoding/binary"
	"net/http"
	"net/url"
	"reflect"
	"sync/atomic"
	"weak"

	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Slot holds the request that opened a connection: first the request itself, after Trim what the
// connection keeps of it, in one compact copy, which Load makes a request of. The zero value has
// none. Its methods are safe for concurrent use; Set and Trim are called by one goroutine.
type Slot struct {
	full    atomic.Pointer[http.Request]
	compact atomic.Pointer[compact]
}

// Set sets the request.
func (s *Slot) Set(r *http.Request) { s.full.Store(r) }

// Load returns the request. After Trim it is one of the same content in each call, and the same
// one as long as it is in use.
func (s *Slot) Load() *http.Request {
	if r := s.full.Load(); r != nil {
		return r
	}
	if c := s.compact.Load(); c != nil {
		return c.request()
	}
	return nil
}

// Trim replaces the request by what a connection keeps of it: method, URL, path values, host,
// addresses, and up to limit bytes of headers; 0 means [DefaultHeaders]. Headers of the
// WebSocket handshake are kept first, then others by name; a header that does not fit is
// dropped as a whole, and dropped lists the names. The context has the client's address
// and is never canceled. Body, forms, TLS state and the server's context are removed. Headers that
// a handshake has in several namespaces are held once. A request that Load has returned after a
// Trim shares what that slot holds.
func (s *Slot) Trim(limit int) (dropped []string) {
	r := s.full.Load()
	if r == nil {
		return nil
	}
	c, dropped := compactOf(r, limit)
	s.compact.Store(c)
	s.full.Store(nil)
	return dropped
}

// compact is what a connection keeps of its request.
type compact struct {
	header *header       // shared by all namespaces of a connection
	line   string        // the fields of the request that are text, see appendLine; "" with bare
	bare   *http.Request // the whole request but its header, if it has path values or an unusual URL
	client remote.Client
	holder Holder // nil without one

	built atomic.Pointer[weak.Pointer[http.Request]] // what request has built last
}

func compactOf(r *http.Request, limit int) (c *compact, dropped []string) {
	if of, ok := r.Context().Value(keptKey{}).(*compact); ok { // of another namespace of the connection
		last := of.built.Load()
		if last != nil && last.Value() == r || of.bare == nil && !hasPathValues(r) {
			return of, nil
		}
		c = &compact{header: of.header, client: of.client, holder: of.holder, bare: stripped(r)}
		return c, nil
	}
	h := headerOf(r, limit)
	c = &compact{header: h, client: remote.Of(r)}
	c.holder, _ = pipeline.HolderFrom(r.Context()).(Holder)
	if hasPathValues(r) || !plainURL(r.URL) {
		c.bare = stripped(r)
	} else {
		var room [256]byte // usually enough
		c.line = string(appendLine(room[:0], r))
	}
	return h.share(c), h.dropped
}

// request returns the last request that it has built if that is still in use, or builds one.
func (c *compact) request() *http.Request {
	if last := c.built.Load(); last != nil {
		if r := last.Value(); r != nil {
			return r
		}
	}
	r := c.build()
	built := weak.Make(r)
	c.built.Store(&built)
	return r
}

func (c *compact) build() *http.Request {
	ctx := remote.With(context.WithValue(context.Background(), keptKey{}, c), c.client)
	if c.holder != nil {
		ctx = pipeline.WithHolder(ctx, c.holder)
	}
	var r *http.Request
	if c.bare != nil {
		r = c.bare.Clone(ctx) // the only way to copy path values
	} else {
		r = readLine(c.line).WithContext(ctx)
	}
	r.Header, r.Body, r.ContentLength = readHeader(c.header.text, c.header.names), http.NoBody, 0
	return r
}

// stripped returns a copy of r without what a connection does not keep, and without header and
// context.
func stripped(r *http.Request) *http.Request {
	bare := bareOf(context.Background(), r)
	return bare.Clone(bare.Context())
}

// hasPathValues reports whether PathValue of the request has values; true where that cannot be
// seen: net/http has no function for it.
func hasPathValues(r *http.Request) bool {
	if matchesField < 0 || othersField < 0 {
		return true
	}
	v := reflect.ValueOf(r).Elem()
	return v.Field(matchesField).Len() > 0 || v.Field(othersField).Len() > 0
}

// The fields of a request that have its path values; -1 where there is none of the kind.
var (
	matchesField = fieldOfRequest("matches", reflect.Slice)
	othersField  = fieldOfRequest("otherValues", reflect.Map)
)

func fieldOfRequest(name string, kind reflect.Kind) int {
	if f, ok := reflect.TypeFor[http.Request]().FieldByName(name); ok && f.Type.Kind() == kind && len(f.Index) == 1 {
		return f.Index[0]
	}
	return -1
}

// plainURL reports whether a URL is like those of requests that servers receive.
func plainURL(u *url.URL) bool {
	return u != nil && *u == url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
}

// lineFields are the fields of a request that appendLine keeps, in its order.
func lineFields(r *http.Request) [9]*string {
	return [...]*string{
		&r.Method, &r.Proto, &r.Host, &r.RemoteAddr, &r.RequestURI, &r.Pattern, &r.URL.Path, &r.URL.RawPath, &r.URL.RawQuery,
	}
}

// appendLine appends the fields of a request that are text, each with its length.
func appendLine(dst []byte, r *http.Request) []byte {
	dst = append(dst, byte(r.ProtoMajor), byte(r.ProtoMinor))
	for _, field := range lineFields(r) {
		dst = appendText(dst, *field)
	}
	return dst
}

// readLine returns a request with what appendLine has kept.
func readLine(line string) *http.Request {
	r := &http.Request{URL: &url.URL{}, ProtoMajor: int(line[0]), ProtoMinor: int(line[1])}
	line = line[2:]
	for _, field := range lineFields(r) {
		*field, line = readText(line)
	}
	return r
}

// appendText appends a text with its length.
func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// readText splits what appendText has appended from what follows.
func readText(s string) (text, rest string) {
	n, s := readNumber(s)
	return s[:n], s[n:]
}

// readNumber splits a number, as binary.AppendUvarint appends it, from what follows.
func readNumber(s string) (n int, rest string) {
	for shift := 0; ; shift += 7 {
		b := s[0]
		s = s[1:]
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			return n, s
		}
	}
}

// appendHeader appends headers in a compact form.
func appendHeader(dst []byte, h http.Header, names []string) []byte {
	for _, name := range names {
		dst = appendText(dst, name)
		dst = binary.AppendUvarint(dst, uint64(len(h[name])))
		for _, v := range h[name] {
			dst = appendText(dst, v)
		}
	}
	return dst
}

// readHeader returns what appendHeader has appended. The map and its slices are new.
func readHeader(text string, names int) http.Header {
	h := make(http.Header, names)
	for text != "" {
		var name string
		var n int
		name, text = readText(text)
		n, text = readNumber(text)
		values := make([]string, n)
		for i := range values {
			values[i], text = readText(text)
		}
		h[name] = values
	}
	return h
}

// share returns c, or a compact copy of the same content that another namespace of the connection
// holds.
func (h *header) share(c *compact) *compact {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.first == nil {
		h.first = c
	}
	if f := h.first; c.bare == nil && f.bare == nil && f.line == c.line && f.client == c.client && f.holder == c.holder {
		return f
	}
	return c
}
