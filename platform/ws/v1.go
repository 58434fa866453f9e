package ws

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The subprotocol gatehouse.v1, see docs/protocol.md. Without it nothing on the wire differs.
const (
	protocolV1 = "gatehouse.v1"
	// reservedPrefix is that of the framework's own subprotocols.
	reservedPrefix = "gatehouse."
)

// isReserved reports whether a subprotocol is the framework's own.
func isReserved(subprotocol string) bool {
	return len(subprotocol) >= len(reservedPrefix) && strings.EqualFold(subprotocol[:len(reservedPrefix)], reservedPrefix)
}

// subprotocols returns those that a server selects from: the framework's own first, which
// are defined for the codec JSON only.
func (o Options) subprotocols() []string {
	if o.Codec != JSON() {
		return o.Subprotocols
	}
	return slices.Concat([]string{protocolV1}, o.Subprotocols)
}

// offersV1 reports whether the connection of a handshake would have gatehouse.v1.
func (s *server) offersV1(r *http.Request) bool {
	return strings.EqualFold(rfc6455.ChooseSubprotocol(s.conns.Subprotocols, r.Header["Sec-Websocket-Protocol"]), protocolV1)
}

// v1 reports whether the connection has the subprotocol.
func (c *conn) v1() bool { return strings.EqualFold(c.ws.Subprotocol(), protocolV1) }

// appendSession appends the first frame of the server. j is nil when the client cannot resume; pos
// is the position from which it can before it has received an event, of one that has not resumed.
func (c *conn) appendSession(dst []byte, j *resume.Journal, pos string, recovered bool) []byte {
	dst = appendString(append(dst, `{"session":{"id":`...), c.id)
	if j != nil {
		dst = appendString(append(dst, `,"key":`...), j.PrivateID())
		if pos != "" {
			dst = appendString(append(dst, `,"pos":`...), pos)
		}
		dst = strconv.AppendBool(append(dst, `,"recovered":`...), recovered)
	}
	return append(dst, `}}`...)
}

// sendSession sends the first frame, before the framework sends anything.
func (c *conn) sendSession(j *resume.Journal, pos string, recovered bool) {
	const room = 192
	f, buf := wsconn.OnceFrame(0, room)
	f.SealOnce(c.srv.text, c.appendSession(buf, j, pos, recovered), 0)
	it := wsconn.Item{Frame: f, Once: true}
	_ = c.out.Push(it, it.Charge(), outbox.Always)
}

// RefusalCode implements [adapter.Refuser].
func (c *conn) RefusalCode(status int) int {
	if !c.v1() {
		return 0
	}
	return refusalCode(status)
}

// The close codes of gatehouse.v1 for refused clients.
const (
	codeUnauthorized = 4401
	codeForbidden    = 4403
	codeTooMany      = 4429
	codeUnavailable  = 4503
)

// refusalCode returns the close code for the HTTP status of a refusal: whether to try again
// depends on it.
func refusalCode(status int) int {
	switch {
	case status == http.StatusUnauthorized:
		return codeUnauthorized
	case status == http.StatusTooManyRequests:
		return codeTooMany
	case status == http.StatusInternalServerError:
		return rfc6455.StatusInternalError
	case status > http.StatusInternalServerError:
		return codeUnavailable
	}
	return codeForbidden
}

// maxExplained is how many refused connections of a server are explained at a time: others
// are refused with an HTTP status.
const maxExplained = 100

// refuse refuses a handshake that is valid: with a status, or with a frame where the client
// can read one and ExplainRefusals is on.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if s.opts.ExplainRefusals == On && s.offersV1(r) {
		select {
		case s.explaining <- struct{}{}:
			defer func() { <-s.explaining }()
			s.explain(w, r, adapter.RefusalOf(err))
			return
		default:
		}
	}
	adapter.WriteRefusal(w, err)
}

// explain accepts the handshake, sends why the client is refused, and ends the connection.
func (s *server) explain(w http.ResponseWriter, r *http.Request, why adapter.Refusal) {
	c := s.conns.Accept(w, r, "", time.Now().Add(wsconn.ExplainTime))
	if c == nil {
		return
	}
	buf := make([]byte, wsconn.HeaderRoom, wsconn.HeaderRoom+len(why.Data)+envelopeRoom)
	buf, _ = jsonCodec{}.Append(buf, Envelope{Event: websockets.EventException, Data: why.Data}) // it has no errors
	c.Explain(s.group.Closing(), wsconn.Seal(s.text, buf), refusalCode(why.Status), why.Message)
}
