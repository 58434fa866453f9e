package zishang

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const recordSeparator = 0x1e // between the packets of a polling body

// readBody reads and checks the body of a polling request before the library
// sees it: the library sets no time for it, cuts it off at the limit without a
// word, and drops what does not decode. Its size is bounded as it is on the
// wire: compressed bodies are refused.
func (s *server) readBody(w http.ResponseWriter, r *http.Request, l *link) ([]byte, *engineError) {
	if !rfc6455.OnlyToken(r.Header["Content-Encoding"], "identity") {
		p := errRequest("compressed bodies are not accepted")
		p.status = http.StatusUnsupportedMediaType
		return nil, p
	}
	if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.EqualFold(strings.TrimSpace(t), "application/octet-stream") {
		l.broken(errors.New("binary body on polling"))
		return nil, errRequest("a polling body is text; binary packets are base64 in it")
	}
	limits := s.cfg.Limits
	tooBig := func() *engineError {
		l.kill(websockets.Reason{Cause: websockets.CauseMessageTooBig})
		p := errRequest("the body is larger than maxPayload")
		p.status = http.StatusRequestEntityTooLarge
		return p
	}
	if r.ContentLength > limits.MaxMessage {
		wsconn.CloseAfter(w, r) // the body is not read
		return nil, tooBig()
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(limits.PingInterval + limits.PingTimeout))
	// a body that is still on its way must not outlive its session
	stop := context.AfterFunc(l.ctx, func() { _ = rc.SetReadDeadline(time.Now()) })
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limits.MaxMessage))
	if !stop() {
		wsconn.CloseAfter(w, r)
		return nil, errSession()
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooBig()
	}
	if err != nil {
		wsconn.CloseAfter(w, r)
		l.failTransport("data request connection closed prematurely", err)
		return nil, errRequest("the body did not arrive")
	}
	_ = rc.SetReadDeadline(time.Time{}) // only now: net/http reads on after an error
	if err := checkBody(body); err != nil {
		l.broken(err)
		return nil, errRequest(err.Error())
	}
	return body, nil
}

// hasClose reports whether a polling body has the packet by which a client leaves.
func hasClose(body []byte) bool {
	for packet := range bytes.SplitSeq(body, []byte{recordSeparator}) {
		if string(packet) == "1" {
			return true
		}
	}
	return false
}

// checkBody verifies that every packet in a polling body is one.
func checkBody(body []byte) error {
	for packet := range bytes.SplitSeq(body, []byte{recordSeparator}) {
		switch {
		case len(packet) == 0:
			return errors.New("empty packet in the body")
		case packet[0] == 'b':
			enc := base64.NewDecoder(base64.StdEncoding, bytes.NewReader(packet[1:]))
			if _, err := io.Copy(io.Discard, enc); err != nil || bytes.ContainsAny(packet, "\r\n") {
				return errors.New("packet in the body is not base64")
			}
		case packet[0] < '0' || packet[0] > '6':
			return errors.New("unknown packet type in the body")
		}
	}
	return nil
}
