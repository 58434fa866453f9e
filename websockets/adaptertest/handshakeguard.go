package adaptertest

import (
	"context"
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

func handshakeGuardTests() []test {
	return []test{
		{"law 6: a handshake guard rejects with an HTTP status", testHandshakeGuardRejects},
		{"law 6: a handshake guard runs once, before the guards of the connection", testHandshakeGuardOrder},
	}
}

// handshakeGuard is a guard that also checks handshake requests.
type handshakeGuard struct {
	tr    *recorder
	wrong error
}

func (p handshakeGuard) Check(_ context.Context, c *pipeline.Call) error {
	user, _ := userKey.Get(c)
	p.tr.add(string(c.Kind) + " " + user)
	return nil
}

func (p handshakeGuard) CheckHandshake(_ context.Context, c *pipeline.Call) error {
	p.tr.add(string(c.Kind))
	userKey.Set(c, c.Request.Header.Get("X-User"))
	return p.wrong
}

func testHandshakeGuardRejects(t *testing.T, s *suite) {
	for status, wrong := range map[int]error{
		http.StatusForbidden:       pipeline.ErrForbidden,
		http.StatusUnauthorized:    pipeline.ErrUnauthorized,
		http.StatusTooManyRequests: &pipeline.Error{Message: "Slowly", Status: 429, Header: http.Header{"Retry-After": {"7"}}},
	} {
		tr := newRecorder()
		a := s.startWith(t, []*testGateway{newGateway(echo())}, app.UseGuards(handshakeGuard{tr, wrong}))
		e := s.rejected(t, a, s.root())
		if e.Status != status {
			t.Errorf("status %d, want %d", e.Status, status)
		}
		has(t, string(e.Body), wrong.Error(), "{")
		tr.want(t, "handshake")
	}
}

func testHandshakeGuardOrder(t *testing.T, s *suite) {
	tr := newRecorder()
	a := s.startWith(t, []*testGateway{newGateway(echo())}, app.UseGuards(handshakeGuard{tr, nil}))
	c := s.dial(t, a, apptest.WithHeader(map[string][]string{"X-User": {"ann"}}))
	alive(t, c)
	tr.want(t, "handshake", "connect ann", "message ann")
}
