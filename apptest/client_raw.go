package apptest

import (
	"slices"
	"strings"
	"time"
)

// Raw is the connection below the protocol, for tests that send what a correct client
// never sends. See [Client.Raw].
type Raw struct{ c *Client }

// Raw returns the connection below the protocol.
//
//	c.Raw().Text(`42{"not":"an array"}`)
//	c.Raw().Bytes([]byte{0x83, 0x80, 0, 0, 0, 0}) // a reserved opcode
func (c *Client) Raw() Raw { return Raw{c} }

// Text sends a text message unchanged.
func (r Raw) Text(s string) { r.c.t.Helper(); r.send(Packet{Kind: PacketRaw, Text: s}) }

// Binary sends a binary message unchanged.
func (r Raw) Binary(b []byte) {
	r.c.t.Helper()
	r.send(Packet{Kind: PacketRaw, Attachments: [][]byte{b}})
}

func (r Raw) send(p Packet) {
	r.c.t.Helper()
	if err := r.c.send(p); err != nil {
		r.c.t.Fatalf("apptest: Raw: %v", err)
	}
}

// Bytes writes to the network connection below the WebSocket framing, which may corrupt
// everything sent later. It does not support TLS.
func (r Raw) Bytes(b []byte) {
	r.c.t.Helper()
	r.c.writing.Lock()
	defer r.c.writing.Unlock()
	err := r.c.wire.NetConn().SetWriteDeadline(time.Now().Add(r.c.opts.Timeout))
	if err == nil {
		_, err = r.c.wire.NetConn().Write(b)
	}
	if err != nil {
		r.c.t.Fatalf("apptest: Raw.Bytes: %v", err)
	}
}

// Expect waits for a text message that equals text. It is independent of [Expect] and
// similar functions: a frame can be consumed in both ways.
func (r Raw) Expect(text string) {
	r.c.t.Helper()
	r.expect("Expect", text, func(s string) bool { return s == text })
}

// ExpectPrefix waits for a text message with the prefix, and returns all of it.
func (r Raw) ExpectPrefix(prefix string) string {
	r.c.t.Helper()
	return r.expect("ExpectPrefix", prefix, func(s string) bool { return strings.HasPrefix(s, prefix) })
}

func (r Raw) expect(method, text string, matches func(string) bool) (got string) {
	r.c.t.Helper()
	found := false
	r.c.mu.Wait(r.c.opts.Timeout, func() bool {
		if i := slices.IndexFunc(r.c.raw, matches); i >= 0 {
			got, found = r.c.raw[i], true
			r.c.raw = slices.Delete(r.c.raw, i, i+1)
		}
		return found || r.c.closed != nil
	})
	if !found {
		r.c.t.Fatalf("apptest: Raw.%s(%q): not found in the received frames\n%s", method, text, strings.Join(r.Frames(), "\n"))
	}
	return got
}

// Frames returns the received text messages that were not consumed.
func (r Raw) Frames() []string {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return slices.Clone(r.c.raw)
}
