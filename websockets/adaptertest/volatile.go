package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func volatileTests() []test {
	return []test{
		{"volatile: an idle client receives the event", testVolatileArrives},
		{"volatile: a slow reader misses the event and stays connected", testVolatileDropped},
		{"uncompressed: the event arrives", testUncompressed},
	}
}

var moved = websockets.NewEvent[string]("moved", websockets.Volatile())

func testVolatileArrives(t *testing.T, s *suite) {
	g := newGateway(echo())
	_, c := s.solo(t, g)
	client := func() websockets.Client { return only(t, g) }
	var err error
	for range 100 { // the previous answer may still be queued
		alive(t, c)
		if err = moved.Emit(t.Context(), client(), "here"); !errors.Is(err, websockets.ErrQueueFull) {
			break
		}
	}
	if err != nil {
		t.Fatalf("an idle client: %v", err)
	}
	if got := apptest.Expect[string](c, "moved"); got != "here" {
		t.Errorf("got %q", got)
	}
}

func testVolatileDropped(t *testing.T, s *suite) {
	const tries = 400 // as for the slow reader of law 16
	g := newGateway(echo())
	g.leave = func(_ context.Context, _ websockets.Client, r websockets.Reason) { t.Errorf("left: %v", r) }
	g.opts = []websockets.Option{websockets.WithLimits(websockets.Limits{SendQueue: 256 << 10})}
	a := s.start(t, g)
	halt, resume := make(chan struct{}), make(chan struct{})
	slow := s.dial(t, a, apptest.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &gatedConn{Conn: conn, stop: halt, resume: resume}, err
	}))
	alive(t, slow)
	client := only(t, g)
	close(halt)
	load := string(bytes.Repeat([]byte("x"), 64<<10))
	var err error
	for range tries {
		if err = moved.Emit(t.Context(), client, load); err != nil {
			break
		}
	}
	if !errors.Is(err, websockets.ErrQueueFull) {
		t.Errorf("Emit to a client that does not read: %v, want %v", err, websockets.ErrQueueFull)
	}
	if err := moved.Emit(t.Context(), g.Server, load); err != nil {
		t.Errorf("broadcast: %v", err)
	}
	close(resume)
	alive(t, slow)
	g.leave = nil
}

func testUncompressed(t *testing.T, s *suite) {
	g := newGateway(echo())
	_, c := s.solo(t, g)
	alive(t, c)
	picture := string(bytes.Repeat([]byte("x"), 10_000))
	for _, to := range []websockets.Emitter{g.Server, only(t, g)} {
		if err := to.Emit(t.Context(), "picture", picture, websockets.Uncompressed()); err != nil {
			t.Fatal(err)
		}
		if got := apptest.Expect[string](c, "picture"); got != picture {
			t.Errorf("got %d bytes", len(got))
		}
	}
}
