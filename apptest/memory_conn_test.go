package apptest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// memoryPair returns both ends of a connection.
func memoryPair() (client, server *memoryConn) {
	return newMemoryConns(&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 2})
}

func TestMemoryConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memoryPair()
		sent := bytes.Repeat([]byte("0123456789"), 50_000)
		var writing sync.WaitGroup
		writing.Go(func() {
			if n, err := client.Write(sent); n != len(sent) || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
			_ = client.Close()
		})
		synctest.Wait() // it waits with a full buffer
		if got, err := io.ReadAll(server); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		writing.Wait()
		if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("a write to a connection that its peer has closed: %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read after Close: %v", err)
		}
		if client.LocalAddr() != server.RemoteAddr() || client.RemoteAddr() != server.LocalAddr() {
			t.Error("addresses differ")
		}
	})
}

func TestMemoryConnDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memoryPair()
		started := time.Now()
		_ = client.SetDeadline(started.Add(time.Hour))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(started) != time.Hour {
			t.Errorf("read: %v after %v", err, time.Since(started))
		}
		_ = client.SetDeadline(time.Time{})
		time.AfterFunc(time.Minute, func() { _ = client.SetWriteDeadline(time.Unix(1, 0)) }) // while it waits
		if n, err := client.Write(make([]byte, 2*memoryBuffer)); n != memoryBuffer || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v", n, err)
		}
		if n, err := io.ReadFull(server, make([]byte, memoryBuffer)); n != memoryBuffer || err != nil {
			t.Errorf("read %d, %v", n, err)
		}
	})
}

// A connection that is closed with unread data, or after SetLinger(0), is reset.
func TestMemoryConnReset(t *testing.T) {
	for name, before := range map[string]func(client, server *memoryConn){
		"linger": func(client, _ *memoryConn) { _, _ = client.Write([]byte("lost")); _ = client.SetLinger(0) },
		"unread": func(_, server *memoryConn) { _, _ = server.Write([]byte("unread")) },
	} {
		client, server := memoryPair()
		before(client, server)
		_ = client.Close()
		if _, err := server.Read(make([]byte, 10)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: read: %v", name, err)
		}
	}
}
