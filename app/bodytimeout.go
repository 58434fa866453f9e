package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// withBodyTimeout closes the connection of a request whose body does not arrive within
// d; 0 or less means no limit. Without it a client that announces a body and never
// sends it holds the connection forever, because net/http reads the rest of the body
// after the handler. http.Server.ReadTimeout does not fit: it also ends slow handlers.
func withBodyTimeout(next http.Handler, d time.Duration, log *slog.Logger) http.Handler {
	if d <= 0 {
		return next
	}
	var hidden sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
			rc := http.NewResponseController(w)
			if err := rc.SetReadDeadline(time.Now().Add(d)); errors.Is(err, http.ErrNotSupported) {
				hidden.Do(func() {
					log.Warn("app.BodyTimeout has no effect: the ResponseWriter has no SetReadDeadline; add the method Unwrap() http.ResponseWriter to those of middleware",
						"type", fmt.Sprintf("%T", w))
				})
			} else if err == nil {
				b := &deadlineBody{ReadCloser: r.Body, rc: rc}
				r.Body = b
				if len(r.Header["Upgrade"]) == 0 { // an upgraded connection belongs to its handler
					defer func() {
						if !b.complete {
							_ = rc.SetReadDeadline(time.Now().Add(min(d, drainTimeout)))
						}
					}()
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// drainTimeout limits how long net/http reads the rest of a body after the handler has
// returned. Stop waits for it.
const drainTimeout = 5 * time.Second

// deadlineBody clears the read deadline at the end of the body: from then on net/http
// reads only to detect that the client disconnects.
type deadlineBody struct {
	io.ReadCloser

	rc       *http.ResponseController
	complete bool
}

func (b *deadlineBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.complete = true
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}
