package sockio

import (
	"io"
	"net"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair returns both ends of a TCP connection.
func pair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = ours.Close()
		_ = theirs.Close()
	})
	return ours, theirs
}

// Other connections than sockets have neither, and report nothing.
func TestNotASocket(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if NewReader(a) != nil || NewWriter(a) != nil || TCPConn(a) != nil || Reports(a) {
		t.Error("a pipe is taken for a socket")
	}
	if _, ok := NewProbe(a).Look(); ok {
		t.Error("a pipe has a peer state")
	}
}

func TestProbe(t *testing.T) {
	ours, theirs := pair(t)
	p := NewProbe(ours)
	if !Reports(ours) {
		if _, ok := p.Look(); ok {
			t.Error("reports although it cannot")
		}
		return
	}
	if s, ok := p.Look(); !ok || s.Gone {
		t.Errorf("a connection in use: %+v, %v", s, ok)
	}
	if _, err := ours.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(theirs, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the acknowledgement", func() bool { s, _ := p.Look(); return s.Acked >= 1000 && s.Waiting == 0 })
	_ = theirs.Close()
	testkit.Eventually(t, "the end", func() bool { s, _ := p.Look(); return s.Gone })
}
