package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

var sendQueueTests = []test{
	{"law 16: a stream waits for its client, which SendStall limits", testStreamWaits},
	{"law 16: answers are queued although the queue is full", testAnswersQueued},
	{"law 16: OverflowDropOldest keeps the newest events", testDropOldest},
	{"law 16: OverflowDropNewest keeps the oldest events", testDropNewest},
}

// loadSize is the size of one event that fills a send queue; loads of them are far more
// than network buffers hold. Tests send as many only until they see that the queue is full.
const (
	loadSize = 64 << 10
	loads    = 400
)

var (
	load    = strings.Repeat("x", loadSize)
	encoded = websockets.Payload{JSON: []byte(`"` + load + `"`)}
)

// stalled is a client that stops reading.
type stalled struct {
	*apptest.Client

	sess         *checkedSession
	tcp          *net.TCPConn
	stop, resume chan struct{}
}

// soloStalled starts an application with one gateway and connects a client that reads until stop is closed, and again after resume.
func (s *suite) soloStalled(t *testing.T, g *testGateway) *stalled {
	t.Helper()
	ct := s.contract(t)
	x := s.dialStalled(t, s.startOn(t, ct, []*testGateway{g}))
	_, x.sess = ct.only()
	return x
}

// dialStalled connects a client that reads until stop is closed, and again after resume, and waits until it is served.
func (s *suite) dialStalled(t *testing.T, a *apptest.App) *stalled {
	t.Helper()
	x := &stalled{stop: make(chan struct{}), resume: make(chan struct{})}
	x.Client = s.dial(t, a, apptest.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if x.tcp, _ = conn.(*net.TCPConn); x.tcp != nil {
			err = x.tcp.SetReadBuffer(16 << 10) // it is soon full
		}
		return &gatedConn{Conn: conn, stop: x.stop, resume: x.resume}, err
	}), apptest.WithTimeout(2*testkit.Patience))
	t.Cleanup(x.read)
	alive(t, x.Client)
	return x
}

// read lets the client read again.
func (x *stalled) read() {
	select {
	case <-x.resume:
	default:
		if x.tcp != nil {
			_ = x.tcp.SetReadBuffer(1 << 20)
		}
		close(x.resume)
	}
}

// fill stops the client, and sends to it until nothing more can go at once.
func (x *stalled) fill(t *testing.T, to websockets.Client) {
	t.Helper()
	close(x.stop)
	for range loads {
		switch err := to.Emit(t.Context(), "moved", encoded, websockets.Volatile()); {
		case errors.Is(err, websockets.ErrQueueFull):
			if waits(x.sess.conn) {
				return
			}
		case err != nil:
			t.Fatalf("a volatile event to a client that does not read: %v, want %v from Conn.Emit", err, websockets.ErrQueueFull)
		}
	}
	t.Fatalf("%d volatile events of %d bytes were accepted for a client that does not read: with Outgoing.Volatile, Conn.Emit must return ErrQueueFull while anything waits", loads, loadSize)
}

// waits reports whether something waits for the client for longer than it takes to write it.
func waits(conn adapter.Conn) bool {
	return !testkit.Within(50*time.Millisecond, func() bool { return conn.State().Queued == 0 })
}

// patient returns limits of the send queue with which a client may stop reading for long.
func patient(queue, most int) websockets.Limits {
	return websockets.Limits{SendQueue: queue, SendQueueMax: most, SendStall: time.Hour, PingInterval: time.Hour}
}

func testStreamWaits(t *testing.T, s *suite) {
	produced := make(chan int, 1)
	const limit = 4 * loadSize
	g, left := leaving(websockets.Limits{SendQueue: limit, SendQueueMax: 1 << 30, SendStall: 150 * time.Millisecond},
		echo(), websockets.Stream("flood", func(context.Context, int) iter.Seq2[websockets.Response[string], error] {
			return func(yield func(websockets.Response[string], error) bool) {
				n := 0
				defer func() { produced <- n }()
				for n < loads && yield(websockets.Response[string]{Data: load}, nil) {
					n++
				}
			}
		}, websockets.Sends(websockets.NewEvent[string]("flood"))))
	x := s.soloStalled(t, g)
	close(x.stop)
	x.Emit("flood")
	r := testkit.Receive(t, "the close of a client that takes no byte for Limits.SendStall while a stream waits in Conn.Writable", left)
	n := testkit.Receive(t, "the end of the stream", produced)
	x.sess.mu.Lock()
	queued := x.sess.queued
	x.sess.mu.Unlock()
	if n == loads || queued > limit {
		t.Errorf("a stream produced %d of its %d items for a client that does not read, while %d bytes waited: Conn.Writable must block while more than half of Limits.SendQueue, %d, is used", n, loads, queued, limit)
	}
	if r.Cause != websockets.CauseQueueOverflow {
		t.Errorf("Session.Closed was called with %v, want the cause %q", r, websockets.CauseQueueOverflow)
	}
}

func testAnswersQueued(t *testing.T, s *suite) {
	const n = 4
	release := make(chan struct{})
	released := func(ctx context.Context) error { // a busy machine needs long to fill the queue
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	met := newBarrier(2 * n)
	g, left := leaving(patient(32<<10, 48<<10),
		echo(), websockets.On("large", func(ctx context.Context, _ int) (string, error) {
			return load, errors.Join(met.wait(ctx), released(ctx))
		}), websockets.On("event", func(ctx context.Context, _ int) (websockets.Response[string], error) {
			return websockets.Respond("reply", load), errors.Join(met.wait(ctx), released(ctx))
		}, websockets.Sends(websockets.NewEvent[string]("reply"))))
	g.with(websockets.Concurrency(2 * n)).emits(moved)
	x := s.soloStalled(t, g)
	before := x.sess.answers.Load()
	answers := make(chan error, n)
	for range n {
		x.Emit("event")
		go func() {
			_, err := x.TryCall("large")
			answers <- err
		}()
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := await(ctx, met.all); err != nil {
		t.Fatalf("the handlers of %d messages: %v", 2*n, err)
	}
	x.fill(t, only(t, g))
	close(release)
	testkit.Eventually(t, "the answers are passed to Conn", func() bool { return x.sess.answers.Load() >= before+2*n || x.sess.hasEnded() })
	x.read()
	for range n {
		select {
		case err := <-answers:
			if err != nil {
				t.Errorf("an answer to a client with a full queue: %v: Conn.Reply must queue it", err)
			}
		case r := <-left:
			t.Fatalf("left with %v: Conn.Reply, and Conn.Emit with Outgoing.Answer, must not close a client whose queue is full", r)
		}
	}
	for range n {
		x.ExpectMessage("reply")
	}
	alive(t, x.Client)
}

// numbered sends numbered events to a client that does not read, and returns the numbers
// that it receives when it reads again.
func (s *suite) numbered(t *testing.T, overflow websockets.Overflow, sent func(i int, err error)) (got []int) {
	t.Helper()
	type item struct {
		N    int    `json:"n"`
		Load string `json:"load"`
	}
	g, left := leaving(patient(4*loadSize, 5*loadSize), echo())
	g.emits(websockets.NewEvent[item]("item"), websockets.NewEvent[int]("last"))
	x := s.soloStalled(t, g)
	client := only(t, g)
	close(x.stop)
	full := 0 // events in a row for which the queue was full
	for i := 0; i < loads && full < 20; i++ {
		sent(i, client.Emit(t.Context(), "item", websockets.Payload{JSON: fmt.Appendf(nil, `{"n":%d,"load":%s}`, i, encoded.JSON)}, websockets.WithOverflow(overflow)))
		if full++; x.sess.conn.State().Queued < 2*loadSize {
			full = 0
		}
	}
	x.read()
	// This answer is behind the events that are queued.
	if _, err := x.TryCall("echo", 1); err != nil {
		select {
		case r := <-left:
			t.Fatalf("left with %v: Conn.Emit must drop such an event over Limits.SendQueue, and not close the client", r)
		default:
			t.Fatal(err)
		}
	}
	if err := client.Emit(t.Context(), "last", 0); err != nil {
		t.Fatal(err)
	}
	for {
		m := x.Next()
		if m.Event == "last" {
			return got
		}
		var it item
		if err := json.Unmarshal(m.Data, &it); err != nil {
			t.Fatal(err)
		}
		got = append(got, it.N)
	}
}

func testDropOldest(t *testing.T, s *suite) {
	n := 0
	got := s.numbered(t, websockets.OverflowDropOldest, func(i int, err error) {
		n = i + 1
		if err != nil {
			t.Fatalf("event %d with OverflowDropOldest: %v, want that Conn.Emit drops older ones", i, err)
		}
	})
	switch {
	case len(got) == n:
		t.Errorf("all %d events with OverflowDropOldest arrived: Conn.Emit must drop what waits over Limits.SendQueue", n)
	case len(got) == 0 || got[len(got)-1] != n-1:
		t.Errorf("the events %v arrived, want that the last one is %d: with OverflowDropOldest, Conn.Emit must drop older ones", got, n-1)
	}
}

func testDropNewest(t *testing.T, s *suite) {
	n, full := 0, 0
	got := s.numbered(t, websockets.OverflowDropNewest, func(i int, err error) {
		n = i + 1
		switch {
		case errors.Is(err, websockets.ErrQueueFull):
			full++
		case err != nil:
			t.Fatalf("event %d with OverflowDropNewest: %v, want nil or %v from Conn.Emit", i, err, websockets.ErrQueueFull)
		}
	})
	if full == 0 || full+len(got) != n {
		t.Errorf("%d of %d events with OverflowDropNewest were dropped with ErrQueueFull, and %d arrived: Conn.Emit must drop those over Limits.SendQueue, and no others", full, n, len(got))
	}
}
