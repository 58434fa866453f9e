package rfc6455

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// Close codes, RFC 6455 §7.4.1 and the IANA registry.
const (
	StatusNormalClosure   = 1000
	StatusGoingAway       = 1001
	StatusProtocolError   = 1002
	StatusNoStatusRcvd    = 1005 // stands for a close frame without a code
	StatusAbnormalClosure = 1006
	StatusInvalidPayload  = 1007
	StatusPolicyViolation = 1008
	StatusMessageTooBig   = 1009
	StatusInternalError   = 1011
	StatusBadGateway      = 1014
	StatusTLSHandshake    = 1015
)

const statusReserved = 1004

// Sendable reports whether a close frame may carry the code, RFC 6455 §7.4.
func Sendable(code int) bool {
	switch code {
	case statusReserved, StatusNoStatusRcvd, StatusAbnormalClosure, StatusTLSHandshake:
		return false
	}
	return code >= StatusNormalClosure && code <= StatusBadGateway || code >= 3000 && code <= 4999
}

// CloseFrame returns a close frame. With a code that is not [Sendable] it is empty; the
// text is cut by [CloseText].
func CloseFrame(code int, text string) []byte {
	if !Sendable(code) {
		return ControlFrame(OpClose, nil)
	}
	p := binary.BigEndian.AppendUint16(nil, uint16(code))
	return ControlFrame(OpClose, append(p, CloseText(text)...))
}

// CloseText cuts a close reason to the 123 bytes that fit into a close frame. A text
// that is not UTF-8 becomes empty.
func CloseText(text string) string {
	const room = MaxControl - 2
	if len(text) > room {
		n := room
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	if !utf8.ValidString(text) {
		return ""
	}
	return text
}

// CloseError is the close frame of a client as an error: it ends the reading.
type CloseError struct {
	Code int // StatusNoStatusRcvd when the frame had none
	Text string
}

func (e *CloseError) Error() string {
	return "websocket: the client closed the connection with code " + strconv.Itoa(e.Code)
}

// ProtocolError is a violation of the protocol or of a limit, with the close code that
// answers it. The text is for the client and for logs.
type ProtocolError struct {
	Code int
	Text string
}

func (e *ProtocolError) Error() string {
	return "websocket: " + e.Text + " (close code " + strconv.Itoa(e.Code) + ")"
}

// TooBig returns the error for a message over its limit.
func TooBig() *ProtocolError { return &ProtocolError{StatusMessageTooBig, "message too big"} }

// NotUTF8 returns the error for text that is not UTF-8, RFC 6455 §8.1.
func NotUTF8(what string) *ProtocolError {
	return &ProtocolError{StatusInvalidPayload, what + " is not UTF-8"}
}

// parseClose returns the payload of a close frame as a *CloseError, or the
// *ProtocolError that it is, RFC 6455 §5.5.1 and §7.4.
func parseClose(p []byte) error {
	switch len(p) {
	case 0:
		return &CloseError{Code: StatusNoStatusRcvd}
	case 1:
		return protocolError("a close frame with half a close code")
	}
	code := int(binary.BigEndian.Uint16(p))
	if !Sendable(code) {
		return protocolError("a close frame with the code " + strconv.Itoa(code))
	}
	if !utf8.Valid(p[2:]) {
		return NotUTF8("the close reason")
	}
	return &CloseError{code, string(p[2:])}
}
