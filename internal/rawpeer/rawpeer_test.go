package rawpeer

import (
	"strings"
	"testing"
)

func TestUpgrade(t *testing.T) {
	got := Upgrade("/ws", "Origin: a", "Origin: b", "sec-websocket-version: 8", "Upgrade")
	want := strings.Join([]string{
		"GET /ws HTTP/1.1", "Host: example.com", "Connection: Upgrade", "Sec-WebSocket-Key: " + Key,
		"Origin: a", "Origin: b", "sec-websocket-version: 8", "", "",
	}, "\r\n")
	if got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestFrameBytes(t *testing.T) {
	for _, tt := range []struct {
		frame Frame
		want  string
	}{
		{Frame{First: Fin | OpText, Payload: "hi"}, "\x81\x82\x00\x00\x00\x00hi"},
		{Frame{First: OpText, Payload: "hi", Mask: [4]byte{1, 2}}, "\x01\x82\x01\x02\x00\x00ik"},
		{Frame{First: Fin | RSV1 | OpText, Payload: "hi", Unmasked: true}, "\xc1\x02hi"},
		{Frame{First: Fin | OpText, Payload: "hi", Wide: 2, Unmasked: true}, "\x81\x7e\x00\x02hi"},
		{Frame{First: Fin | OpText, Wide: 8, Unmasked: true}, "\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x00"},
		{Frame{First: Fin | OpText, Claim: 1<<64 - 1, Unmasked: true}, "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"},
	} {
		if got := tt.frame.Bytes(); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.frame, got, tt.want)
		}
	}
}
