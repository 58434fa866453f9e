package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Errors that do not come from the server. Test with errors.Is. One that is not [ErrUnanswered] belongs
// to a message that was not sent, or to no message.
var (
	// ErrUnanswered: the request was sent and has no answer, because the connection was lost
	// or the time is over: the server may have handled it.
	ErrUnanswered = errors.New("the server may have handled it")
	// ErrDisconnected: the connection was lost.
	ErrDisconnected = errors.New("the connection was lost")
	// ErrClosed: the Conn is closed for good. It is websockets.ErrClosed too.
	ErrClosed error = &alias{"the connection is closed for good", websockets.ErrClosed}
	// ErrQueueFull: a limit of [Limits]: too many messages wait for the connection, or too many requests for answers. So
	// does a volatile event fail that cannot be sent at once. It is websockets.ErrQueueFull too.
	ErrQueueFull error = &alias{"too many messages wait: see client.Limits", websockets.ErrQueueFull}
	// ErrTooSlow: more items of a stream have arrived than [Limits] allows to be unread.
	ErrTooSlow = errors.New("the items of the stream arrive faster than they are read: see client.Limits")
	// ErrNoToken is what [Options].Token returns to close the Conn for good: no user is signed in.
	ErrNoToken = errors.New("client: there is no token")
)

// alias is an error that is another one too.
type alias struct {
	text string
	of   error
}

func (a *alias) Error() string        { return a.text }
func (a *alias) Is(target error) bool { return target == a.of }

// errSilent is the cause of a lost connection whose peer is dead.
var errSilent = errors.New("the server is silent: no pong within PingTimeout")

// failed returns the error of a message.
func failed(op, event string, err error) error {
	return fmt.Errorf("client: %s %q: %w", op, event, err)
}

// exception is the object of an error on the wire.
type exception struct {
	Message *string         `json:"message"`
	Code    string          `json:"code"`
	Details json.RawMessage `json:"details"`
}

// serverError returns the error that the server has answered with.
func serverError(data []byte) *websockets.Error {
	var x exception
	err := websockets.Payload{JSON: data}.Decode(&x)
	e := &websockets.Error{Code: x.Code}
	if len(x.Details) > 0 {
		e.Details = x.Details
	}
	switch {
	case x.Message != nil && *x.Message != "":
		e.Message = *x.Message
	case x.Code != "":
		e.Message = x.Code
	default:
		e.Message = "The server has answered with an error that has no message"
	}
	if len(data) > 0 && (err != nil || x.Message == nil) { // a body of its own, by a filter
		e.Body = json.RawMessage(data)
	}
	return e
}

// Details decodes the details of an error of the server, such as []pipeline.Violation of the code
// bad_payload. ok is false if err has none, or of another form.
func Details[T any](err error) (v T, ok bool) {
	e, ok := errors.AsType[*websockets.Error](err)
	if !ok {
		return v, false
	}
	raw, ok := e.Details.(json.RawMessage)
	if !ok {
		return v, false
	}
	if err := (websockets.Payload{JSON: raw}).Decode(&v); err != nil {
		var none T
		return none, false
	}
	return v, true
}

// refusal returns the error of a refused handshake.
func refusal(res *http.Response) *websockets.Error {
	e := &websockets.Error{Status: res.StatusCode, Header: res.Header}
	var x exception
	if res.Body != nil {
		text, _ := io.ReadAll(res.Body) // what the library has read of it, at most 1 KiB
		_ = json.Unmarshal(text, &x)    // a proxy may have answered
	}
	if x.Message != nil {
		e.Message = *x.Message
	}
	e.Code = x.Code
	if len(x.Details) > 0 {
		e.Details = x.Details
	}
	e.Message = cmp.Or(e.Message, "The server has refused the handshake with "+strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", http.StatusText(res.StatusCode))))
	return e
}
