package zishang

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gorilla/websocket"
)

func TestReasonFrom(t *testing.T) {
	broken := errors.New("broken pipe")
	for _, tt := range []struct {
		args []any
		want websockets.Reason
	}{
		{[]any{"transport close", nil}, websockets.Reason{Cause: websockets.CauseTransportClose}},
		{[]any{"ping timeout"}, websockets.Reason{Cause: websockets.CausePingTimeout}},
		{[]any{"parse error"}, websockets.Reason{Cause: websockets.CauseParseError}},
		{[]any{"forced close"}, websockets.Reason{Cause: websockets.CauseForcedClose}},
		{[]any{"forced server close"}, websockets.Reason{Cause: websockets.CauseForcedClose}},
		{[]any{"client namespace disconnect"}, websockets.Reason{Cause: websockets.CauseClientDisconnect}},
		{[]any{"server namespace disconnect"}, websockets.Reason{Cause: websockets.CauseServerDisconnect}},
		{[]any{"server shutting down"}, websockets.Reason{Cause: websockets.CauseShutdown}},
		{[]any{"transport error"}, websockets.Reason{Cause: websockets.CauseTransportError}},
		{[]any{"transport error", broken}, websockets.Reason{Cause: websockets.CauseTransportError, Text: "broken pipe"}},
		{[]any{"transport error", fmt.Errorf("x: %w", websocket.ErrReadLimit)}, websockets.Reason{Cause: websockets.CauseMessageTooBig}},
		{[]any{"encode error"}, websockets.Reason{Cause: websockets.CauseTransportClose, Text: "encode error"}},
		{[]any{1, 2}, websockets.Reason{Cause: websockets.CauseTransportClose}},
		{nil, websockets.Reason{Cause: websockets.CauseTransportClose}},
	} {
		if got := reasonFrom(tt.args); got != tt.want {
			t.Errorf("%v: %+v", tt.args, got)
		}
	}
}
