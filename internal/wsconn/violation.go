package wsconn

import (
	"errors"
	"strconv"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// ViolationError is what a client did wrong, with the close code that it gets. A
// [Handler] may return one.
type ViolationError struct {
	Cause websockets.Cause
	Code  int
	Text  string
}

func (v *ViolationError) Error() string {
	return "websocket: " + v.Text + " (close code " + strconv.Itoa(v.Code) + ")"
}

// violationOf returns the violation that err is, of a handler or of the protocol.
func violationOf(err error) (*ViolationError, bool) {
	if v, ok := errors.AsType[*ViolationError](err); ok {
		return v, true
	}
	p, ok := errors.AsType[*rfc6455.ProtocolError](err)
	if !ok {
		return nil, false
	}
	cause := websockets.CauseParseError
	if p.Code == rfc6455.StatusMessageTooBig {
		cause = websockets.CauseMessageTooBig
	}
	return &ViolationError{cause, p.Code, p.Text}, true
}
