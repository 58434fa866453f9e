package engineio

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// pollSize is how many bytes one poll is answered with, unless a single message is
// larger. It bounds the memory for the copy, and how long a slow line takes for it.
const pollSize = 128 << 10

// answerChunk is how much of a body is written at once. A client that accepts none of it
// within ping interval + ping timeout counts as gone.
const answerChunk = 16 << 10

// transitSize is the size from which a body may take longer than a ping timeout to
// arrive on a slow line.
const transitSize = 4 << 10

// answer writes the body of a poll, and records the progress of the client.
func (s *Session) answer(w http.ResponseWriter, r *http.Request, a *pollAnswer) error {
	body := s.srv.answerHeader(w, r, a.body, a.plain)
	if n := cap(body); n != cap(a.body) { // compressed
		s.out.Recount(a.size, n)
		a.size = n
	}
	a.body = nil
	err := s.srv.answerBody(w, body, s.notePoll)
	if err == nil && len(body) >= transitSize {
		s.overHTTP().inTransit.Store(s.srv.group.Clock.Coarse())
	}
	return err
}

// answer writes the body of a handshake.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, body []byte, plain bool) error {
	return s.answerBody(w, s.answerHeader(w, r, body, plain), func() {})
}

// answerHeader sets the header and returns the body, compressed where that applies.
func (s *Server) answerHeader(w http.ResponseWriter, r *http.Request, body []byte, plain bool) []byte {
	h := w.Header()
	if s.cfg.HTTPCompression > 0 {
		h.Add("Vary", "Accept-Encoding")
		if !plain && len(body) >= s.cfg.HTTPCompression && acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = compress(body)
		}
	}
	setHeader(h, "text/plain; charset=UTF-8", len(body))
	return body
}

// setHeader sets what all answers with a body have.
func setHeader(h http.Header, contentType string, length int) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// answerBody writes a body in chunks, each with its own deadline. written is called
// after each chunk.
func (s *Server) answerBody(w http.ResponseWriter, body []byte, written func()) error {
	rc := http.NewResponseController(w)
	patience := s.cfg.patience()
	for len(body) > 0 {
		n := min(len(body), answerChunk)
		_ = rc.SetWriteDeadline(time.Now().Add(patience))
		if _, err := w.Write(body[:n]); err != nil {
			return err
		}
		body = body[n:]
		written()
	}
	if err := rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) { // a middleware hides Flush
		return err
	}
	_ = rc.SetWriteDeadline(time.Time{})
	return nil
}

// acceptsGzip reports whether the client accepts gzip, RFC 9110 §12.5.3.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header["Accept-Encoding"], ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		_, q, weighted := strings.Cut(params, "=")
		weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighted || err == nil && weight > 0
	}
	return false
}

var gzipPool = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compress(body []byte) []byte {
	var b bytes.Buffer
	z := gzipPool.Get().(*gzip.Writer)
	defer gzipPool.Put(z)
	z.Reset(&b)
	_, _ = z.Write(body) // a bytes.Buffer accepts everything
	_ = z.Close()
	return b.Bytes()
}
