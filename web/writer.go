package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// tracker is a ResponseWriter that knows whether the answer has begun.
type tracker struct {
	http.ResponseWriter

	began bool
}

func (t *tracker) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		t.began = true
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracker) Write(p []byte) (int, error) {
	t.began = true
	return t.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (t *tracker) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// writer gives the tracker with those of the optional methods that the writer
// below has: handlers ask for them by type assertion.
func (t *tracker) writer() http.ResponseWriter {
	_, flush := t.ResponseWriter.(http.Flusher)
	_, hijack := t.ResponseWriter.(http.Hijacker)
	_, readFrom := t.ResponseWriter.(io.ReaderFrom)
	switch {
	case flush && hijack && readFrom:
		return fullWriter{t}
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
	w.began = true
	w.ResponseWriter.(http.Flusher).Flush()
}

func (w flushWriter) FlushError() error {
	w.began = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

type hijackWriter struct{ flushWriter }

func (w hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

type fullWriter struct{ *tracker }

func (w fullWriter) Flush() { flushWriter(w).Flush() }

func (w fullWriter) FlushError() error { return flushWriter(w).FlushError() }

func (w fullWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w fullWriter) ReadFrom(r io.Reader) (int64, error) {
	w.began = true
	return w.ResponseWriter.(io.ReaderFrom).ReadFrom(r)
}

func (t *tracker) hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := t.ResponseWriter.(http.Hijacker).Hijack()
	t.began = t.began || err == nil
	return c, rw, err
}

// reaches reports whether what is written to w goes to this very answer, unless
// something between keeps it.
func (t *tracker) reaches(w http.ResponseWriter) bool {
	for range 32 { // more than anybody nests
		switch u := w.(type) {
		case *tracker:
			if u == t {
				return true
			}
			w = u.ResponseWriter
		case flushWriter:
			w = u.tracker
		case hijackWriter:
			w = u.tracker
		case fullWriter:
			w = u.tracker
		case interface{ Unwrap() http.ResponseWriter }:
			w = u.Unwrap()
		default:
			return false
		}
	}
	return false
}
