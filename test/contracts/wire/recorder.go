// Package wire records the messages between clients and an application, and validates them by its AsyncAPI document.
package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
)

// Recorder has the messages of connections. It is safe for concurrent use.
type Recorder struct {
	// URL is where clients connect instead, of a Recorder by [Record].
	URL string
	// Unhandled are events that clients send although no handler has them, and that want no answer.
	Unhandled []string

	mu   sync.Mutex
	last int // number of a connection
	all  []Message
}

// Message is one message as it was sent: a frame of plain WebSocket, or a packet of Engine.IO with its type.
type Message struct {
	// Conn names the connection, or the session of Engine.IO, which may have several. Path is that of its URL.
	Conn, Path string
	FromClient bool
	Binary     bool
	Data       []byte
}

// Messages returns what was recorded, in order for each connection and direction.
func (r *Recorder) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// Without returns what was recorded without the messages that leave reports.
func (r *Recorder) Without(leave func(Message) bool) *Recorder {
	return &Recorder{all: slices.DeleteFunc(r.Messages(), leave)}
}

func (r *Recorder) add(m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, m)
}

// number returns that of another connection.
func (r *Recorder) number() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	return r.last
}

// Watch is the option of a client of package apptest: its connection is recorded, and is otherwise as it would be. Pass it after
// the other options.
func (r *Recorder) Watch() apptest.DialOption {
	return func(o *apptest.DialConfig) {
		dial := o.DialContext
		o.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &watched{conn, newTap(r)}, nil
		}
	}
}

// watched is a connection of a client.
type watched struct {
	net.Conn

	tap *tap
}

func (c *watched) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tap.pass(false, b[:n])
	return n, err
}

func (c *watched) Write(b []byte) (int, error) {
	c.tap.pass(true, b)
	return c.Conn.Write(b)
}

// SetLinger is for clients that reset the connection.
func (c *watched) SetLinger(seconds int) error {
	if tcp, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}

// Record starts a proxy in front of an application, until the test ends. It passes bytes on as they are.
func Record(t testing.TB, target string) *Recorder {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Recorder{URL: "http://" + l.Addr().String()}
	var all sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	ended := false
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer in.Close()
				out, err := new(net.Dialer).DialContext(context.Background(), "tcp", u.Host)
				if err != nil {
					return
				}
				defer out.Close()
				mu.Lock()
				open[in], open[out] = true, true
				over := ended
				mu.Unlock()
				if !over {
					r.bridge(in.(*net.TCPConn), out.(*net.TCPConn))
				}
				mu.Lock()
				defer mu.Unlock()
				delete(open, in)
				delete(open, out)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		ended = true
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return r
}

// bridge passes bytes on in both directions until both have ended. A connection that is reset resets the other one.
func (r *Recorder) bridge(in, out *net.TCPConn) {
	tap := newTap(r)
	var both sync.WaitGroup
	pipe := func(from, to *net.TCPConn, fromClient bool) {
		buf := make([]byte, 64<<10)
		for {
			n, err := from.Read(buf)
			tap.pass(fromClient, buf[:n])
			if n > 0 {
				if _, err := to.Write(buf[:n]); err != nil {
					_ = from.SetLinger(0)
					_ = from.Close()
					return
				}
			}
			switch {
			case err == nil:
			case errors.Is(err, io.EOF):
				_ = to.CloseWrite()
				return
			default:
				_ = to.SetLinger(0)
				_ = to.Close()
				return
			}
		}
	}
	both.Go(func() { pipe(in, out, true) })
	both.Go(func() { pipe(out, in, false) })
	both.Wait()
}
