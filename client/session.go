package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// The subprotocols that are offered, see docs/protocol.md. A server that knows none of them is spoken to as plain WebSocket.
const (
	protocolV1   = "gatehouse.v1"
	resumePrefix = "gatehouse.resume."
)

// The longest parts of an offer to resume, in bytes: servers ignore longer ones.
const (
	maxResumeKey      = 128
	maxResumePosition = 16
)

// protocol is what a connection speaks.
type protocol uint8

const (
	plain   protocol = iota // WebSocket without gatehouse.v1
	opening                 // gatehouse.v1, before the session
	v1                      // gatehouse.v1
)

func protocolOf(ws *websocket.Conn) protocol {
	if strings.EqualFold(ws.Subprotocol(), protocolV1) {
		return opening
	}
	return plain
}

// resumption is by what the client resumes: the key of its last session, and the position of the last event that it has received.
// It belongs to the reader of the connection, and between two connections to the attempts.
type resumption struct {
	key string // "" if it cannot resume
	pos [maxResumePosition]byte
	n   int // the length of pos
}

func (r *resumption) canResume() bool { return r.key != "" && r.n > 0 }

// offered returns the subprotocols for the next handshake.
func (r *resumption) offered() []string {
	if !r.canResume() {
		return []string{protocolV1}
	}
	return []string{protocolV1, resumePrefix + r.key + "." + string(r.pos[:r.n])}
}

// moveTo notes the position of an event. After one that cannot be offered the client does not resume: it would receive events twice.
func (r *resumption) moveTo(pos []byte) {
	if !isToken(pos, maxResumePosition) {
		*r = resumption{}
		return
	}
	r.n = copy(r.pos[:], pos)
}

// isToken reports whether a text can be a part of a subprotocol: a token of RFC 9110 §5.6.2 without dots.
func isToken[T string | []byte](text T, longest int) bool {
	for i := range len(text) {
		c := text[i]
		letter, digit := c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9'
		if !letter && !digit && strings.IndexByte("!#$%&'*+-^_`|~", c) < 0 {
			return false
		}
	}
	return len(text) > 0 && len(text) <= longest
}

// session is the first frame of a server that speaks gatehouse.v1.
type session struct {
	Key       string `json:"key"`
	Pos       string `json:"pos"`
	Recovered bool   `json:"recovered"`
}

var (
	errNoSession   = errors.New("the server has selected gatehouse.v1, and its first frame is no session")
	errLateSession = errors.New("the server has selected gatehouse.v1, and has sent no session within ConnectTimeout")
)

// speak starts with a protocol. A server of plain WebSocket knows no earlier session.
func (l *link) speak(p protocol) {
	if l.protocol = p; p == plain {
		l.resumption = resumption{}
		close(l.session)
	}
}

// openSession handles a message before the session: the session, or why the client is refused.
func (l *link) openSession(f frame) error {
	if f.event == websockets.EventException || f.event == l.opts.ExceptionEvent {
		l.exception = serverError(clone(f.data))
		return nil
	}
	var s session
	if f.session == nil || l.exception != nil || (websockets.Payload{JSON: f.session}).Decode(&s) != nil {
		return errNoSession
	}
	by := &l.resumption
	recovered := s.Recovered && by.canResume()
	l.recovered.Store(recovered)
	if !recovered {
		by.moveTo([]byte(s.Pos))
	}
	if by.key = ""; isToken(s.Key, maxResumeKey) {
		by.key = s.Key
	}
	l.protocol = v1
	close(l.session)
	return nil
}

// awaitSession waits for the first frame.
func (l *link) awaitSession(ctx context.Context) error {
	select {
	case <-l.session:
		return nil
	case <-l.done:
		return l.err
	case <-ctx.Done():
		if l.life.Err() != nil {
			return context.Cause(ctx)
		}
		return errLateSession
	}
}

// refusalOf returns the error of a client that the server has refused with a close code, after an exception; nil if it was not
// refused.
func (l *link) refusalOf(code websocket.StatusCode) error {
	if l.exception == nil || l.protocol == plain && code != codeUnauthorized {
		return nil
	}
	status, ok := map[websocket.StatusCode]int{
		codeUnauthorized: http.StatusUnauthorized, codeForbidden: http.StatusForbidden, codeTooMany: http.StatusTooManyRequests,
		codeUnavailable: http.StatusServiceUnavailable, websocket.StatusInternalError: http.StatusInternalServerError,
	}[code]
	if !ok {
		return nil
	}
	l.exception.Status = status
	return fmt.Errorf("the server has closed the connection with %d: %w", code, l.exception)
}

// The close codes of refused clients.
const (
	codeUnauthorized websocket.StatusCode = 4401
	codeForbidden    websocket.StatusCode = 4403 // of gatehouse.v1, as the following
	codeTooMany      websocket.StatusCode = 4429
	codeUnavailable  websocket.StatusCode = 4503
)

// isFinal reports whether a close code ends the Conn for good. After 4401, the token has expired, a client with a function for
// it tries again.
func (l *link) isFinal(code websocket.StatusCode) bool {
	switch code {
	case websocket.StatusNormalClosure, websocket.StatusProtocolError, websocket.StatusUnsupportedData, // RFC 6455 §7.4.1
		websocket.StatusInvalidFramePayloadData, websocket.StatusMessageTooBig, websocket.StatusMandatoryExtension:
		return true
	case codeUnauthorized:
		return l.opts.Token == nil
	case codeTooMany, codeUnavailable:
		return l.protocol == plain
	}
	return code >= 4000
}
