package rfc6455

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCloseFrameText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"bye", "bye"}, {strings.Repeat("x", 200), strings.Repeat("x", 123)},
		{strings.Repeat("é", 100), strings.Repeat("é", 61)}, {"\xff", ""},
	} {
		b := CloseFrame(1000, tt.in)
		if got := string(b[4:]); got != tt.want || int(b[1]) != len(b)-2 {
			t.Errorf("%q became %q", tt.in, got)
		}
	}
	if b := CloseFrame(StatusNoStatusRcvd, "x"); len(b) != 2 {
		t.Errorf("no code became % x", b)
	}
}

func TestSendable(t *testing.T) {
	for code, want := range map[int]bool{
		0: false, 999: false, 1000: true, 1003: true, 1004: false, 1005: false, 1006: false, 1007: true, 1014: true, 1015: false, 1016: false,
		2999: false, 3000: true, 4999: true, 5000: false, -1: false,
	} {
		if Sendable(code) != want {
			t.Errorf("Sendable(%d) is %v", code, !want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{TooBig(), "websocket: message too big (close code 1009)"},
		{NotUTF8("a text message"), "websocket: a text message is not UTF-8 (close code 1007)"},
		{parseClose(nil), "websocket: the client closed the connection with code 1005"},
		{parseClose([]byte("\x03\xe8bye")), "websocket: the client closed the connection with code 1000"},
		{parseClose([]byte("\x03")), "websocket: a close frame with half a close code (close code 1002)"},
		{parseClose([]byte("\x03\xed")), "websocket: a close frame with the code 1005 (close code 1002)"},
		{parseClose([]byte("\x03\xe8\xff")), "websocket: the close reason is not UTF-8 (close code 1007)"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
