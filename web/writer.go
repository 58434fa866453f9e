package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// tracker is a ResponseWriter that records whether the response has started.
type tracker struct {
	http.ResponseWriter

	started bool
	sent    int // the status of the response; 0 before WriteHeader
}

// start records that the response has started with a status.
func (t *tracker) start(status int) {
	if t.started = true; t.sent == 0 {
		t.sent = status
	}
}

func (t *tracker) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		t.start(status)
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracker) Write(p []byte) (int, error) {
	t.start(http.StatusOK)
	return t.ResponseWriter.Write(p)
}

// Unwrap implements the interface of [http.ResponseController].
func (t *tracker) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// writer returns the tracker with those optional methods that the underlying writer has, for
// handlers that use type assertions.
func (t *tracker) writer() http.ResponseWriter {
	_, flush := t.ResponseWriter.(http.Flusher)
	_, hijack := t.ResponseWriter.(http.Hijacker)
	_, readFrom := t.ResponseWriter.(io.ReaderFrom)
	switch {
	case flush && hijack && readFrom:
		return fullWriter{hijackWriter{flushWriter{t}}}
	case flush && hijack:
		return hijackWriter{flushWriter{t}}
	case flush:
		return flushWriter{t}
	default:
		return t
	}
}

type flushWriter struct{ *tracker }

func (w flushWriter) Flush() {
	w.start(http.StatusOK)
	w.ResponseWriter.(http.Flusher).Flush()
}

func (w flushWriter) FlushError() error {
	w.start(http.StatusOK)
	return http.NewResponseController(w.ResponseWriter).Flush()
}

type hijackWriter struct{ flushWriter }

func (w hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := w.ResponseWriter.(http.Hijacker).Hijack()
	w.started = w.started || err == nil
	return c, rw, err
}

type fullWriter struct{ hijackWriter }

func (w fullWriter) ReadFrom(r io.Reader) (int64, error) {
	w.start(http.StatusOK)
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
}

func (t *tracker) self() *tracker { return t }

// writesTo reports whether w is this tracker or wraps it.
func (t *tracker) writesTo(w http.ResponseWriter) bool {
	for range 32 { // limits the depth of wrapping
		switch u := w.(type) {
		case interface{ self() *tracker }: // a tracker, or a writer around one
			if u.self() == t {
				return true
			}
			w = u.self().ResponseWriter
		case interface{ Unwrap() http.ResponseWriter }:
			w = u.Unwrap()
		default:
			return false
		}
	}
	return false
}
