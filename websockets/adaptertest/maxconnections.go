package adaptertest

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var maxConnectionsTests = []test{
	{"law 17: connections are limited in total, and a closed one makes room", testMaxConnections},
	{"law 17: a rejected handshake does not count as a connection", testRejectedConnections},
}

func testMaxConnections(t *testing.T, s *suite) {
	g := newGateway(echo())
	a := s.startWith(t, []*testGateway{g}, app.MaxConnections(2))
	first, second := s.dial(t, a), s.dial(t, a)
	alive(t, first)
	for range 2 {
		e := s.rejected(t, a, s.root())
		if e.Status != http.StatusServiceUnavailable {
			t.Errorf("status %d, want 503", e.Status)
		}
		has(t, string(e.Body), websockets.CodeOverloaded)
	}
	alive(t, second)
	first.Close()
	alive(t, s.eventually(t, a))
	s.rejected(t, a, s.root())
}

func testRejectedConnections(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	a := s.startWith(t, []*testGateway{newGateway(echo())}, app.MaxConnections(1), app.UseGuards(handshakeGuard{tr, pipeline.ErrForbidden}))
	for range 3 {
		status := 0
		forbidden := func() bool { // a refusal that is sent as a message ends just after the client has it
			status = s.rejected(t, a, s.root()).Status
			return status == http.StatusForbidden
		}
		if !testkit.WithinEvery(5*time.Millisecond, testkit.Patience, forbidden) {
			t.Errorf("status %d, want 403", status)
		}
	}
}

// eventually retries to connect a client until it is accepted.
func (s *suite) eventually(t *testing.T, a *apptest.App) (c *apptest.Client) {
	t.Helper()
	var err error
	dial := func() bool {
		c, err = s.cfg.Dial(t, a.URL(), s.root())
		return err == nil
	}
	if !testkit.WithinEvery(5*time.Millisecond, testkit.Patience, dial) {
		t.Fatalf("dial: %v, want a connection", err)
	}
	return c
}
