//go:build unix

package sockio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

func TestReader(t *testing.T) {
	ours, theirs := pair(t)
	r := NewReader(ours)
	if r == nil {
		t.Fatal("no Reader on a TCP connection")
	}
	sent := bytes.Repeat([]byte("0123456789"), 3*BlockSize/10)
	go func() {
		_, _ = theirs.Write(sent)
		_ = theirs.Close()
	}()
	var got []byte
	for {
		b, n, err := r.Read()
		if (b != nil) != (n > 0) {
			t.Fatalf("%d bytes in block %p", n, b)
		}
		if n > 0 {
			got = append(got, b[:n]...)
			b.Free()
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			break
		}
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("%d bytes arrived of %d", len(got), len(sent))
	}
}

func TestReaderEnds(t *testing.T) {
	ours, _ := pair(t)
	r := NewReader(ours)
	if r == nil {
		t.Fatal("no Reader on a TCP connection")
	}
	_ = ours.SetReadDeadline(time.Now())
	if _, _, err := r.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	_ = ours.Close()
	if _, _, err := r.Read(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A socket whose peer does not read accepts some bytes, and then none, without blocking.
func TestWriterDoesNotBlock(t *testing.T) {
	ours, theirs := pair(t)
	w := NewWriter(ours)
	if w == nil {
		t.Fatal("no Writer on a TCP connection")
	}
	p := make([]byte, 1<<20)
	total := 0
	for {
		n := w.TryWrite(p)
		if n == 0 {
			break
		}
		total += n
	}
	if total == 0 {
		t.Fatal("no byte was accepted")
	}
	_ = ours.Close()
	if n, _ := io.Copy(io.Discard, theirs); n != int64(total) {
		t.Errorf("%d bytes arrived of %d", n, total)
	}
	if n := w.TryWrite(p); n != 0 {
		t.Errorf("%d bytes were accepted after Close", n)
	}
}
