package zishang

import (
	"errors"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gorilla/websocket"
)

// reasonOf translates why the library closed a connection.
func reasonOf(reason string, cause error) websockets.Reason {
	if errors.Is(cause, websocket.ErrReadLimit) {
		return websockets.Reason{Cause: websockets.CauseMessageTooBig}
	}
	switch c := websockets.Cause(reason); c {
	case websockets.CauseClientDisconnect, websockets.CauseServerDisconnect, websockets.CauseShutdown,
		websockets.CauseTransportClose, websockets.CausePingTimeout, websockets.CauseParseError,
		websockets.CauseForcedClose:
		return websockets.Reason{Cause: c}
	case websockets.CauseTransportError:
		r := websockets.Reason{Cause: c}
		if cause != nil {
			r.Text = cause.Error()
		}
		return r
	}
	switch reason {
	case "forced server close":
		return websockets.Reason{Cause: websockets.CauseForcedClose}
	case "":
		return websockets.Reason{Cause: websockets.CauseTransportClose}
	}
	return websockets.Reason{Cause: websockets.CauseTransportClose, Text: reason}
}

// reasonFrom reads the arguments of the library's close and disconnect events.
func reasonFrom(args []any) websockets.Reason {
	var text string
	var cause error
	if len(args) > 0 {
		text, _ = args[0].(string)
	}
	if len(args) > 1 {
		cause, _ = args[1].(error)
	}
	return reasonOf(text, cause)
}
