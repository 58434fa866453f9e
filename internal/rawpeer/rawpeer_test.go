package rawpeer

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
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

// The strict reads, on a pipe.
func TestExact(t *testing.T) {
	text := func(p *Peer) { _ = p.Exact(Fin | OpText) }
	for _, tt := range []struct {
		name, sent, failure string
		read                func(*Peer)
	}{
		{"the frame", "\x81\x02hi", "", text},
		{"another frame first", "\x89\x00\x81\x02hi", `rawpeer: frame 0x89 "", masked: false, error <nil>; want a frame 0x81`, text},
		{"a fragment", "\x01\x02hi", `rawpeer: frame 0x01 "hi", masked: false, error <nil>; want a frame 0x81`, text},
		{"a mask", "\x81\x82\x00\x00\x00\x00hi", `rawpeer: frame 0x81 "\x00\x00", masked: true, error <nil>; want a frame 0x81`, text},
		{"the end", "", `rawpeer: frame 0x00 "", masked: false, error EOF; want a frame 0x81`, text},
		{"the code", "\x88\x02\x03\xe9", "", func(p *Peer) { p.ExactClose(1001) }},
		{"another code", "\x88\x02\x03\xe8", `rawpeer: frame 0x88 "\x03\xe8", error <nil>; want the close code 1001`, func(p *Peer) { p.ExactClose(1001) }},
		{"a text before the close", "\x81\x02hi", `rawpeer: frame 0x81 "hi", error <nil>; want the close code 1001`, func(p *Peer) { p.ExactClose(1001) }},
		{"the end as it should be", "", "", func(p *Peer) { p.ExactClose(0) }},
		{"no end", "\x81\x02hi", `rawpeer: frame 0x81 "hi", error <nil>; want the close code 0`, func(p *Peer) { p.ExactClose(0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client, server := net.Pipe()
			r := &testkit.Recorder{TB: t}
			p := On(r, client)
			var all sync.WaitGroup
			all.Go(func() {
				_, _ = io.WriteString(server, tt.sent)
				_ = server.Close()
			})
			r.Run(func() { tt.read(p) })
			p.Abort()
			all.Wait()
			if got := strings.Join(r.Failures(), "; "); got != tt.failure {
				t.Errorf("failed with %q, want %q", got, tt.failure)
			}
		})
	}
}
