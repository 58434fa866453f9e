package adaptertest

import (
	"context"
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

func porterTests() []test {
	return []test{
		{"law 6: a guard of requests refuses with a real status", testPorterRefuses},
		{"law 6: a guard of requests is asked once, then the guards of the connection", testPorterOrder},
	}
}

// porter is a guard that is asked about requests too.
type porter struct {
	tr    *trail
	wrong error
}

func (p porter) Check(_ context.Context, c *pipeline.Call) error {
	user, _ := userKey.Get(c)
	p.tr.add(string(c.Kind) + " " + user)
	return nil
}

func (p porter) CheckHandshake(_ context.Context, c *pipeline.Call) error {
	p.tr.add(string(c.Kind))
	userKey.Set(c, c.Request.Header.Get("X-User"))
	return p.wrong
}

func testPorterRefuses(t *testing.T, s *suite) {
	for status, wrong := range map[int]error{
		http.StatusForbidden:       pipeline.ErrForbidden,
		http.StatusUnauthorized:    pipeline.ErrUnauthorized,
		http.StatusTooManyRequests: &pipeline.Error{Message: "Slowly", Status: 429, Header: http.Header{"Retry-After": {"7"}}},
	} {
		tr := newTrail()
		a := s.startWith(t, []*gate{gateOf(echo())}, app.UseGuards(porter{tr, wrong}))
		e := s.refused(t, a, s.root())
		if e.Status != status {
			t.Errorf("status %d, want %d", e.Status, status)
		}
		has(t, string(e.Body), wrong.Error(), "{")
		tr.want(t, "handshake")
	}
}

func testPorterOrder(t *testing.T, s *suite) {
	tr := newTrail()
	a := s.startWith(t, []*gate{gateOf(echo())}, app.UseGuards(porter{tr, nil}))
	c := s.dial(t, a, apptest.WithHeader(map[string][]string{"X-User": {"ann"}}))
	alive(t, c)
	tr.want(t, "handshake", "connect ann", "message ann")
}
