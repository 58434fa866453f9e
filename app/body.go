package app

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// bodyTimed gives the body of each request so long to come in. A client that announces
// one and does not send it must not hold a connection for ever, whatever the handler
// does: net/http waits for what a handler has not read. The server's ReadTimeout would
// end handlers that take longer.
func bodyTimed(next http.Handler, d time.Duration) http.Handler {
	if d <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
			rc := http.NewResponseController(w)
			if rc.SetReadDeadline(time.Now().Add(d)) == nil {
				b := &timedBody{ReadCloser: r.Body, rc: rc}
				r.Body = b
				if len(r.Header["Upgrade"]) == 0 { // or the connection may be another's then
					defer func() {
						if !b.read {
							_ = rc.SetReadDeadline(time.Now().Add(min(d, restTime)))
						}
					}()
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// restTime is how long net/http reads on when a handler has returned without reading the
// body to its end; a stop waits for it.
const restTime = 5 * time.Second

// timedBody takes the deadline off when the body has come: the connection is then read
// only to learn that the client leaves.
type timedBody struct {
	io.ReadCloser

	rc   *http.ResponseController
	read bool // to its end
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.read = true
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}
