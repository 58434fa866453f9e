package gateway

import (
	"net/http"
	"strconv"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// ownAuth copies the auth of a handshake, since that of the adapter may be part of a buffer.
// It returns an error when it is too large.
func ownAuth(h *adapter.Handshake, most int) error {
	if h.Auth.Size() > most {
		return &websockets.Error{
			Message: "auth has more than " + strconv.Itoa(most) + " bytes", Code: websockets.CodeAuthTooLarge, Status: http.StatusRequestEntityTooLarge,
		}
	}
	h.Auth = h.Auth.Clone()
	return nil
}

// trimRequest replaces the request of the handshake by what the connection keeps of it. It
// is called once, when no hook uses the handshake any more.
func (s *session) trimRequest() {
	s.hs.Request = nil
	if left := s.request.Trim(s.ep.srv.limits.KeptHeaders); len(left) > 0 {
		s.ep.log.DebugContext(s.ctx, "headers of the handshake are not kept", "client", s.ID(), "headers", left, "limit", s.ep.srv.limits.KeptHeaders)
	}
}
