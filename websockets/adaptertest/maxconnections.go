package adaptertest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func placeTests() []test {
	return []test{
		{"law 17: connections in all are bounded, and one that has gone makes room", testPlaces},
		{"law 17: a refused handshake keeps no place", testRefusedPlaces},
	}
}

func testPlaces(t *testing.T, s *suite) {
	g := gateOf(echo())
	a := s.startWith(t, []*gate{g}, app.MaxConnections(2))
	first, second := s.dial(t, a), s.dial(t, a)
	alive(t, first)
	for range 2 {
		e := s.refused(t, a, s.root())
		if e.Status != http.StatusServiceUnavailable {
			t.Errorf("status %d, want 503", e.Status)
		}
		has(t, string(e.Body), websockets.CodeOverloaded)
	}
	alive(t, second)
	first.Close()
	alive(t, s.eventually(t, a))
	s.refused(t, a, s.root())
}

func testRefusedPlaces(t *testing.T, s *suite) {
	tr := newTrail()
	a := s.startWith(t, []*gate{gateOf(echo())}, app.MaxConnections(1), app.UseGuards(porter{tr, pipeline.ErrForbidden}))
	for range 3 {
		if e := s.refused(t, a, s.root()); e.Status != http.StatusForbidden {
			t.Errorf("status %d, want 403", e.Status)
		}
	}
}

// eventually connects a client as soon as there is a place.
func (s *suite) eventually(t *testing.T, a *apptest.App) *apptest.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := s.cfg.Dial(t, a.URL(), s.root())
		if err == nil {
			return c
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("dial: %v, want a place", err)
		}
	}
}
