package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
)

var volatileTests = []test{
	{"volatile: an idle client receives the event", testVolatileArrives},
	{"volatile: a slow reader misses the event and stays connected", testVolatileDropped},
	{"uncompressed: the event arrives", testUncompressed},
}

var moved = websockets.NewEvent[string]("moved", websockets.Volatile())

func testVolatileArrives(t *testing.T, s *suite) {
	g := newGateway(echo()).emits(moved)
	_, c := s.solo(t, g)
	var err error
	for range 100 { // the previous answer may still be queued
		alive(t, c)
		if err = moved.Emit(t.Context(), only(t, g), "here"); !errors.Is(err, websockets.ErrQueueFull) {
			break
		}
	}
	if err != nil {
		t.Fatalf("an idle client: %v", err)
	}
	wantEvent(t, c, "here", "moved")
}

func testVolatileDropped(t *testing.T, s *suite) {
	// The queue has room for all of them: Volatile is what drops them.
	g := newGateway(echo()).with(websockets.WithLimits(patient(2*loads*loadSize, 0))).emits(moved)
	g.leave = func(_ context.Context, _ websockets.Client, r websockets.Reason) { t.Errorf("left: %v", r) }
	slow := s.soloStalled(t, g)
	slow.fill(t, only(t, g))
	if err := moved.Emit(t.Context(), g.Server, load); err != nil {
		t.Errorf("broadcast: %v", err)
	}
	slow.read()
	alive(t, slow.Client)
	g.leave = nil
}

func testUncompressed(t *testing.T, s *suite) {
	g := newGateway(echo()).emits(websockets.NewEvent[string]("picture"))
	_, c := s.solo(t, g)
	alive(t, c)
	picture := string(bytes.Repeat([]byte("x"), 10_000))
	for _, to := range []websockets.Emitter{g.Server, only(t, g)} {
		if err := to.Emit(t.Context(), "picture", picture, websockets.Uncompressed()); err != nil {
			t.Fatal(err)
		}
		wantEvent(t, c, picture, "picture")
	}
}
