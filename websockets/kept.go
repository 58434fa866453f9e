package websockets

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/gatehouse-go/gatehouse/internal/keep"
)

// CodeAuthTooLarge is the code of a refused client whose auth is too large.
const CodeAuthTooLarge = "auth_too_large"

// takeAuth gives the handshake bytes of its own, since those of the adapter may be part
// of a buffer, unless there are too many.
func (h *Handshake) takeAuth(most int) error {
	if h.Auth.Size() > most {
		return &Error{
			Message: "auth has more than " + strconv.Itoa(most) + " bytes", Code: CodeAuthTooLarge, Status: http.StatusRequestEntityTooLarge,
		}
	}
	h.Auth = h.Auth.clone()
	return nil
}

// clone returns a payload with bytes of its own: those of p may be part of a buffer.
func (p Payload) clone() Payload {
	p.JSON = bytes.Clone(p.JSON)
	if len(p.Attachments) > 0 {
		own := make([][]byte, len(p.Attachments))
		for i, a := range p.Attachments {
			own[i] = bytes.Clone(a)
		}
		p.Attachments = own
	}
	return p
}

// trimRequest replaces the request of the handshake by what the connection keeps of
// it. It is called once, when no hook sees the handshake any more.
func (s *session) trimRequest() {
	kept, left := keep.Request(s.hs.Request, s.ep.srv.limits.KeptHeaders)
	if len(left) > 0 {
		s.ep.srv.log.Debug("headers of the handshake are not kept", "client", s.ID(), "headers", left, "limit", s.ep.srv.limits.KeptHeaders)
	}
	s.hs.Request = kept
	s.request.Store(kept)
}
