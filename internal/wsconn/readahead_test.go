package wsconn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/sockio"
)

// tcpPair is a wire on a TCP connection, and the other end.
func tcpPair(t *testing.T) (*framedConn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	w := new(framedConn)
	w.open(ours, &Clock{base: time.Now()}, rfc6455.Validator{MaxMessage: 1 << 20}, nil)
	if w.reader == nil {
		t.Fatal("TCP is not read directly")
	}
	t.Cleanup(func() {
		_ = w.Close()
		_ = theirs.Close()
	})
	return w, theirs
}

// Whatever the size of the reads, all messages arrive in order, and a connection without
// unread bytes holds no memory.
func TestReadAhead(t *testing.T) {
	for _, size := range []int{1, 100, 512, sockio.BlockSize - 1, sockio.BlockSize, 3 * sockio.BlockSize} {
		w, theirs := tcpPair(t)
		var sent, want []byte
		for i := range 40 {
			payload := bytes.Repeat([]byte{byte(i)}, 1000)
			sent = append(sent, rawFrame(0x80|opBinary, payload)...)
			frame := append(make([]byte, rfc6455.MaxMaskedHeader), payload...)
			want = append(want, frame[rfc6455.PutMaskedHeader(opBinary, frame):]...)
		}
		go func() { _, _ = theirs.Write(sent) }()
		got := make([]byte, 0, len(want))
		p := make([]byte, size)
		for len(got) < len(want) {
			n, err := w.Read(p)
			if err != nil {
				t.Fatalf("pieces of %d: %v after %d bytes", size, err, len(got))
			}
			got = append(got, p[:n]...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("pieces of %d: the bytes differ", size)
		}
		if w.block != nil || len(w.ahead) != 0 {
			t.Errorf("pieces of %d: %d bytes are held", size, len(w.ahead))
		}
	}
}

func TestReadAheadEnds(t *testing.T) {
	p := make([]byte, 100)
	w, theirs := tcpPair(t)
	_ = theirs.Close()
	if _, err := w.Read(p); !errors.Is(err, errEnded) || !errors.Is(w.err, io.EOF) {
		t.Errorf("after the end: %v, because of %v", err, w.err)
	}

	w, _ = tcpPair(t)
	_ = w.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := w.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}

	w, _ = tcpPair(t)
	ended := make(chan error)
	go func() {
		_, err := w.Read(p)
		ended <- err
	}()
	_ = w.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed while it reads: %v", err)
	}

	w, theirs = tcpPair(t)
	_ = theirs.(*net.TCPConn).SetLinger(0)
	_ = theirs.Close()
	if _, err := w.Read(p); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("after a reset: %v", err)
	}
	if w.block != nil {
		t.Error("memory is held")
	}
}
