package adaptertest

import (
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var originTests = []test{{"law 5: pages of other origins are rejected", testOrigin}}

// from returns the option of a client that is a page of an origin.
func from(origin string) apptest.DialOption {
	return apptest.WithHeader(http.Header{"Origin": {origin}})
}

func testOrigin(t *testing.T, s *suite) {
	g := newGateway(echo()).with(websockets.Origins("https://app.example"))
	a := s.start(t, g)
	alive(t, s.dial(t, a, from("https://app.example")))
	alive(t, s.dial(t, a)) // a program, which sends no origin
	const hint = "a page of a foreign origin"
	_, err := s.cfg.Dial(t, a.URL(), s.root(), from("https://evil.example"))
	if err == nil {
		t.Fatalf("%s was accepted: does the adapter ask ServerConfig.CheckOrigin?", hint)
	}
	if e := asDialError(t, err); e.Status != http.StatusForbidden {
		t.Errorf("%s is rejected with status %d, want 403: answer 403 when ServerConfig.CheckOrigin returns false", hint, e.Status)
	}
}
