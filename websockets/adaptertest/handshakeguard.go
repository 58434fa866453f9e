package adaptertest

import (
	"context"
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

var handshakeGuardTests = []test{
	{"law 6: a handshake guard rejects with an HTTP status", testHandshakeGuardRejects},
	{"law 6: a handshake guard runs once, before the guards of the connection", testHandshakeGuardOrder},
}

// handshakeGuard is a guard that also checks handshake requests.
type handshakeGuard struct {
	tr    *testkit.Steps
	wrong error
}

func (p handshakeGuard) Check(_ context.Context, c *pipeline.Call) error {
	user, _ := userKey.Get(c)
	p.tr.Add(string(c.Kind) + " " + user)
	return nil
}

func (p handshakeGuard) CheckHandshake(_ context.Context, c *pipeline.Call) error {
	p.tr.Add(string(c.Kind))
	userKey.Set(c, c.Request.Header.Get("X-User"))
	return p.wrong
}

func testHandshakeGuardRejects(t *testing.T, s *suite) {
	for status, wrong := range map[int]error{
		http.StatusForbidden:       pipeline.ErrForbidden,
		http.StatusUnauthorized:    pipeline.ErrUnauthorized,
		http.StatusTooManyRequests: &pipeline.Error{Message: "Slowly", Status: 429, Header: http.Header{"Retry-After": {"7"}}},
	} {
		tr := &testkit.Steps{}
		a := s.startWith(t, []*testGateway{newGateway(echo())}, app.UseGuards(handshakeGuard{tr, wrong}))
		e := s.rejected(t, a, s.root())
		if e.Status != status {
			t.Errorf("status %d, want %d", e.Status, status)
		}
		has(t, string(e.Body), wrong.Error(), "{")
		tr.Want(t, "handshake")
	}
}

func testHandshakeGuardOrder(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	a := s.startWith(t, []*testGateway{newGateway(echo())}, app.UseGuards(handshakeGuard{tr, nil}))
	alive(t, s.dial(t, a, as("ann")))
	tr.Want(t, "handshake", "connect ann", "message ann")
}
