package socketio

import (
	"bufio"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// sink is a connection whose client reads everything and sends prepared bytes.
type sink struct {
	net.Conn
	taken *atomic.Int64 // calls of Write

	mu       sync.Mutex
	changed  sync.Cond // of mu
	sends    []byte
	deadline time.Time // of reading; it counts only when it is past already
	closed   bool
}

func newSink(taken *atomic.Int64, sends []byte) *sink {
	c := &sink{taken: taken, sends: sends}
	c.changed.L = &c.mu
	return c
}

func (c *sink) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, io.EOF
		case !c.deadline.IsZero() && time.Now().After(c.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(c.sends) > 0:
			n := copy(p, c.sends)
			c.sends = c.sends[n:]
			return n, nil
		}
		c.changed.Wait()
	}
}

func (c *sink) set(f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.changed.Broadcast()
	return nil
}

func (c *sink) Write(p []byte) (int, error)        { c.taken.Add(1); return len(p), nil }
func (c *sink) Close() error                       { return c.set(func() { c.closed = true }) }
func (c *sink) SetReadDeadline(at time.Time) error { return c.set(func() { c.deadline = at }) }
func (c *sink) SetDeadline(at time.Time) error     { return c.SetReadDeadline(at) }
func (*sink) SetWriteDeadline(time.Time) error     { return nil }
func (*sink) LocalAddr() net.Addr                  { return &net.TCPAddr{} }
func (*sink) RemoteAddr() net.Addr                 { return &net.TCPAddr{} }

// BenchmarkBroadcast sends one event to 1,000 clients over WebSocket, whose network accepts
// it at once: encoding, queues, writers and frames, no hub.
func BenchmarkBroadcast(b *testing.B) {
	const clients = 1000
	var taken atomic.Int64
	m := testkit.NewListener()
	r := serve(b, m, m.Dial, Options{}, nil)
	sessions := make([]*session, clients)
	for i := range sessions {
		hello := rawpeer.Upgrade("/socket.io/?" + overWebSocket)
		if err := m.Serve(newSink(&taken, []byte(hello+frame(opText, "40")))); err != nil {
			b.Fatal(err)
		}
		sessions[i] = r.session()
	}
	for _, s := range sessions {
		testkit.Eventually(r.t, "an empty queue", func() bool { return emptied(s) })
	}
	payload := websockets.Payload{JSON: []byte(`"` + strings.Repeat("x", 62) + `"`)}
	b.ReportAllocs()
	for b.Loop() {
		before := taken.Load()
		o := adapter.NewOutgoing("said", payload)
		for _, s := range sessions {
			if err := s.conn.Emit(o, 0); err != nil {
				b.Fatal(err)
			}
		}
		for taken.Load()-before < clients {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clients, "ns/client")
}

// emptied reports whether nothing waits for a client: volatile events would be sent.
func emptied(s *session) bool {
	o := out("volatile", "1")
	o.Volatile = true
	return s.conn.Emit(o, 0) == nil
}

// BenchmarkEcho asks and waits for the ack over loopback, without the hub.
func BenchmarkEcho(b *testing.B) {
	for name, size := range map[string]int{"64B": 64, "4KiB": 4096} {
		b.Run(name, func(b *testing.B) {
			r := newTestServer(b, Options{}, preparing(func(s *session) {
				s.onReceive = func(m *adapter.Message) {
					_ = s.conn.Reply(m, adapter.NewOutgoing("", m.Payload))
					m.Ref.(adapter.Releaser).Release()
				}
			}))
			p := r.peer()
			r.enter(p, "")
			ask(b, p.Conn, p.R, size)
		})
	}
}

// ask sends an event with an ack and reads the answer, without allocations.
func ask(b *testing.B, nc net.Conn, br *bufio.Reader, size int) {
	b.Helper()
	_ = nc.SetDeadline(time.Time{})
	data := strings.Repeat("x", size-2)
	question := []byte(frame(opText, `421["echo","`+data+`"]`))
	answer := len(`431["`+data+`"]`) + 2
	if answer > 127 {
		answer += 2
	}
	buf := make([]byte, answer)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := nc.Write(question); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(br, buf); err != nil {
			b.Fatal(err)
		}
	}
	if !strings.HasSuffix(string(buf), data+`"]`) {
		b.Fatalf("got %.100q", buf)
	}
}
