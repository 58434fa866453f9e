package nats

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

// What a server sends is followed alike in whatever pieces it comes, and what the client would panic for is an error.
func TestLines(t *testing.T) {
	const info = "INFO {\"server_id\":\"x\"}\r\n"
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{info + "PING\r\nPONG\r\n+OK\r\n-ERR 'x'\r\nMSG a 1 5\r\nMSG \r\r\nMSG a.b 1 r 0\r\n\r\nHMSG a 1 12 14\r\nNATS/1.0\r\n\r\nxx\r\nPING\r\n", true},
		{info + "MSG a 1 26\r\nMSG a 1 99999999999999\r\nxx\r\n", true}, // in a message
		{info + "MSG a 1 3\r\nabc\nMSG a 1 1\r\nx\r\n", true},
		{info + "\x16\x03\x01MSG a 1 99999999999999\r\n", true}, // encrypted
		{info + "MSG a 1 99999999999999\r\n", false},
		{info + "MSG a 1 9223372036854775807\r\n", false},
		{info + "msg a 1 67108865\r\n", false},
		{info + "MSG a 1 3\r\nabc\r\nMSG a 1 -1\r\n", false},
		{info + "HMSG a 1 5 99999999999999\r\n", false},
		{"MSG\r\n", false},
		{"INFO " + strings.Repeat("x", maxLine), false},
	} {
		for _, size := range []int{1, 2, 3, 7, 64, len(c.text)} {
			if len(c.text) > maxLine && size < 64 {
				continue
			}
			var s lines
			var err error
			for piece := range slices.Chunk([]byte(c.text), size) {
				if err = s.read(piece); err != nil {
					break
				}
			}
			if (err == nil) != c.ok || err != nil && !errors.Is(err, errProtocol) {
				t.Errorf("%.60q in pieces of %d: %v", c.text, size, err)
			}
		}
	}
}

// deaf is the framework's side of an engine, which records why the connection has ended.
type deaf struct {
	backplane.Inbound

	ended chan error
}

func (deaf) ReceiveFrame(string, []byte) bool { return true }

func (d deaf) Link(up, _ bool, err error) {
	if !up {
		select {
		case d.ended <- err:
		default:
		}
	}
}

// What is at the address of NATS is none: it sends messages of terabytes, a line without an end, or a page of HTTP. The engine is not connected and
// says why, the process goes on, and nothing is left of it.
func TestFault_F89_NotNATS(t *testing.T) {
	for name, sends := range map[string]string{
		"terabytes": "MSG a 1 99999999999999\r\nx", "over all bounds": "MSG a 1 9223372036854775807\r\nx", "terabytes of headers": "HMSG a 1 99999999999999 99999999999999\r\nx",
		"no end": "INFO " + strings.Repeat("x", maxLine), "HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			defer leaktest.None(t, goleak.IgnoreCurrent())
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, err = c.Write([]byte("INFO {\"server_id\":\"x\",\"version\":\"2.10.0\",\"headers\":true,\"max_payload\":1048576,\"proto\":1}\r\n"))
					for b := make([]byte, 4096); err == nil; {
						if _, err = c.Read(b); err == nil {
							_, err = c.Write([]byte("PONG\r\n" + sends))
						}
					}
					_ = c.Close()
				}
			}()
			e, in := New(URL("nats://"+l.Addr().String())), deaf{ended: make(chan error, 1)}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := e.Start(ctx, backplane.Node{ID: "00000000000000aa"}, in); err == nil {
				<-in.ended // it was connected for a moment
			} else if !errors.Is(err, ErrNotConnected) {
				t.Errorf("Start: %v", err)
			}
			if err := e.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			_ = l.Close()
			<-served
		})
	}
}
