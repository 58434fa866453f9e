package zishang

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/zishang520/socket.io/v3/pkg/types"
)

// forceFlush is when an exchange ends that the library never took up, as when
// the transport changed under it.
const forceFlush = time.Second

// exchange is one HTTP request that the library answers: the ResponseWriter it
// writes to, from whatever goroutine. The answer is kept and then sent by the
// goroutine of the request, so that the library never touches the real
// ResponseWriter: not after the request has ended, and not two at a time.
type exchange struct {
	hctx *types.HttpContext
	link *link // of a handshake, once made

	mu        sync.Mutex
	bag       http.Header // of the library's header bag, which guards it
	header    http.Header // of the answer
	status    int
	body      []byte
	written   bool
	armed     bool // the library waits to answer
	abandoned bool
}

type exchangeKey struct{}

// newExchange returns the request as the library must see it: not cancelled
// when the client goes away, for the library reads fields that are being set
// when that happens; end is called instead.
func newExchange(r *http.Request, keptHeaders int) *exchange {
	x := &exchange{}
	if placeOf(r) != nil {
		r = lasting(r, keptHeaders)
	}
	ctx := context.WithValue(context.WithoutCancel(r.Context()), exchangeKey{}, x)
	x.hctx = types.NewHttpContext(x, r.WithContext(ctx))
	x.hctx.ResponseHeaders() // takes the bag
	return x
}

func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// Header passes its map to the library's header bag, and another to the answer: the
// library copies one to the other without a lock on the second.
func (x *exchange) Header() http.Header {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.bag == nil {
		x.bag = http.Header{}
		return x.bag
	}
	x.header = http.Header{}
	return x.header
}

// WriteHeader keeps the status.
func (x *exchange) WriteHeader(status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status = status
}

// Write keeps the body. The library writes once, from a buffer that it drops.
func (x *exchange) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.body, x.written = b, true
	return len(b), nil
}

// answer returns what the library wrote; status 0 means nothing.
func (x *exchange) answer() (status int, header http.Header, body []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.written {
		return 0, nil, nil
	}
	body, x.body = x.body, nil
	return x.status, x.header, body
}

// setBody passes to the library the body as it has been read.
func (x *exchange) setBody(b []byte) {
	r := x.hctx.Request()
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
}

// owner is the session of the exchange: l, or that of a handshake.
func (x *exchange) owner(l *link) *link {
	x.mu.Lock()
	defer x.mu.Unlock()
	if l == nil {
		l = x.link
	}
	return l
}

func (x *exchange) own(l *link) {
	x.mu.Lock()
	x.link = l
	x.mu.Unlock()
	x.arm()
}

// arm records that the library has set up all that ends with the exchange.
func (x *exchange) arm() {
	x.mu.Lock()
	x.armed = true
	abandoned := x.abandoned
	x.mu.Unlock()
	if abandoned {
		x.hctx.Flush()
	}
}

// flush ends the exchange with or without an answer.
func (x *exchange) flush() {
	x.mu.Lock()
	armed := x.armed
	first := !x.abandoned
	x.abandoned = true
	x.mu.Unlock()
	switch {
	case armed:
		x.hctx.Flush()
	case first:
		time.AfterFunc(forceFlush, x.hctx.Flush)
	}
}
