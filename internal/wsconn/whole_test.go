package wsconn

import (
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// The library reads nothing of a message before all of it has come, and control frames
// within one at once: a ping is answered.
func TestLibraryReadsWholeMessages(t *testing.T) {
	p := connect(t, nil)
	p.serve()
	if p.conn.Native() == nil {
		t.Fatal("no connection of the library")
	}
	part := rawFrame(opText, []byte("in "))
	next := rawFrame(0x80, []byte("pieces"))
	write(t, p.Conn, slices.Concat(rawFrame(0x80|opText, []byte("first")), part, rawFrame(0x80|opPing, []byte("?")), next[:7]))
	if got := testkit.Receive(t, "a message", p.owner.messages); got != "first" {
		t.Error(got)
	}
	p.want(0x80|opPong, "?")
	write(t, p.Conn, slices.Concat(next[7:], rawFrame(0x80|opText, []byte("last"))))
	for _, want := range []string{"in pieces", "last"} {
		if got := testkit.Receive(t, "a message", p.owner.messages); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What the library may read is separated from what has to wait.
func TestWhole(t *testing.T) {
	w, theirs := tcpPair(t)
	part, ping, end := rawFrame(opText, []byte("a")), rawFrame(0x80|opPing, []byte("b")), rawFrame(0x80, []byte("c"))
	p := make([]byte, 100)
	read := func(want []byte) {
		t.Helper()
		got := make([]byte, 0, len(want))
		for len(got) < len(want) {
			n, err := w.Read(p[:5])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p[:n]...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	write(t, theirs, slices.Concat(part, ping, end[:3]))
	read(ping)
	write(t, theirs, end[3:])
	read([]byte{0x80 | opText, 0x80 | 2, 0, 0, 0, 0, 'a', 'c'}) // one frame, without a mask
	if w.whole.message.buf != nil || w.whole.control.buf != nil || w.whole.ready.buf != nil {
		t.Error("memory is held")
	}
}
