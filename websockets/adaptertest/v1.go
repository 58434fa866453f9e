package adaptertest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// subprotocolV1 is the subprotocol of docs/protocol.md.
const subprotocolV1 = "gatehouse.v1"

var v1Tests = []test{
	{"gatehouse.v1: selected where it is offered, and nowhere else", testV1Selected},
	{"gatehouse.v1: members that the server does not know are ignored", testV1UnknownMembers},
	{"gatehouse.v1: refusals are explained", testV1Refusals},
	{"gatehouse.v1: a refusal by HandleConnection has a code of its own", testV1RefusedByHook},
}

// RunV1 tests a platform for the frames of plain WebSocket that speaks gatehouse.v1, see
// docs/protocol.md. The adapter of cfg.New explains refusals and recovers clients. It does not
// replace [Run].
func RunV1(t *testing.T, cfg Config) {
	t.Helper()
	s := &suite{cfg: cfg, traits: cfg.New().Traits()}
	for _, x := range slices.Concat(v1Tests, v1RecoveryTests) {
		t.Run(x.name, func(t *testing.T) { x.run(t, s) })
	}
}

// dialV1 connects a client that offers gatehouse.v1, and others after it.
func (s *suite) dialV1(t *testing.T, a *apptest.App, others ...string) *apptest.Client {
	t.Helper()
	c := s.dial(t, a, apptest.WithSubprotocols(append([]string{subprotocolV1}, others...)...))
	if got := c.Subprotocol(); got != subprotocolV1 {
		t.Fatalf("the server has selected the subprotocol %q, want %q", got, subprotocolV1)
	}
	return c
}

func testV1Selected(t *testing.T, s *suite) {
	who := websockets.On("who", func(ctx context.Context, _ struct{}) (string, error) {
		return websockets.ClientFrom(ctx).ID(), nil
	})
	a := s.start(t, newGateway(who))
	for _, others := range [][]string{nil, {"gatehouse.v9"}, {"bearer", "token"}} {
		c := s.dialV1(t, a, others...)
		if got := apptest.Call[string](c, "who"); got != c.ID() || got == "" {
			t.Errorf("the id in the first frame is %q, that of the client %q", c.ID(), got)
		}
	}
	for _, offer := range [][]string{nil, {"gatehouse.v9"}} {
		c := s.dial(t, a, apptest.WithSubprotocols(offer...))
		if got := c.Subprotocol(); got != "" {
			t.Errorf("the server has selected %q of %q", got, offer)
		}
		apptest.Call[string](c, "who")
		if got := c.Raw().Frames(); len(got) != 1 || !strings.HasPrefix(got[0], `{"id":`) {
			t.Errorf("without gatehouse.v1 a client receives %q, want the answer only", got)
		}
	}
}

func testV1UnknownMembers(t *testing.T, s *suite) {
	a := s.start(t, newGateway(echo()))
	c := s.dialV1(t, a)
	c.Raw().Text(`{"v9":{"a":[1]},"event":"echo","pos":"x","data":1,"session":{"id":2},"id":1,"traceparent":3}`)
	c.Raw().Expect(`{"id":1,"data":1}`)
}

func testV1Refusals(t *testing.T, s *suite) {
	refuse := func(status int) *testGateway {
		return newGateway(echo()).with(websockets.Admit(func(context.Context, *websockets.Handshake) error {
			return &websockets.Error{Message: "Not you", Code: "not_you", Status: status}
		}))
	}
	want := func(a *apptest.App, status int, code string) {
		t.Helper()
		_, err := s.cfg.Dial(t, a.URL(), s.root(), apptest.WithSubprotocols(subprotocolV1))
		if err == nil {
			t.Fatal("the client is accepted")
		}
		e := asDialError(t, err)
		var exception struct{ Status, Message, Code string }
		if err := json.Unmarshal(e.Data, &exception); err != nil {
			t.Fatalf("the client receives %s %s, want an exception: %v", e, e.Data, err)
		}
		if e.Status != status || exception.Status != "error" || exception.Code != code || exception.Message == "" {
			t.Errorf("refused with %d and %s, want %d and the code %q", e.Status, e.Data, status, code)
		}
		if e := s.rejected(t, a, s.root()); e.Data != nil {
			t.Errorf("a client without gatehouse.v1 receives %s instead of a status", e.Data)
		}
	}
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		want(s.start(t, refuse(status)), status, "not_you")
	}
	a := s.startWith(t, []*testGateway{newGateway(echo())}, app.MaxConnections(1))
	c := s.dialV1(t, a)
	for range 3 { // a refused client has no place
		want(a, http.StatusServiceUnavailable, websockets.CodeOverloaded)
	}
	alive(t, c)
}

func testV1RefusedByHook(t *testing.T, s *suite) {
	g := newGateway(echo())
	g.connect = func(context.Context, websockets.Client) error {
		return &websockets.Error{Message: "Full", Code: "full", Status: http.StatusTooManyRequests}
	}
	a := s.start(t, g)
	c := s.dialV1(t, a)
	c.Raw().ExpectPrefix(`{"event":"exception","data":{"status":"error","message":"Full","code":"full"`)
	if got := c.ExpectClose(); got != (apptest.Close{Code: 4429, Reason: "Full"}) {
		t.Errorf("closed with %v, want 4429", got)
	}
	if got := s.dial(t, a).ExpectClose(); got != (apptest.Close{Code: 1008, Reason: "Full"}) {
		t.Errorf("without gatehouse.v1 closed with %v, want 1008", got)
	}
}
