package jwtauth

import (
	"net/http"
	"slices"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestSources(t *testing.T) {
	auth := func(json string) *pipeline.Call {
		return &pipeline.Call{Auth: websockets.Payload{JSON: []byte(json)}}
	}
	header := func(lines ...string) *pipeline.Call { return &pipeline.Call{Request: request(lines...)} }
	const protocol = "Sec-WebSocket-Protocol"
	for _, tt := range []struct {
		name   string
		source Source
		call   *pipeline.Call
		token  string
		err    error
	}{
		{"header", Header(), header("Authorization", "Bearer a.b.c"), "a.b.c", nil},
		{"header in other case", Header(), header("authorization", "bEARER  a.b.c "), "a.b.c", nil},
		{"another scheme", Header(), header("Authorization", "Basic YTpi"), "", nil},
		{"a scheme with the prefix Bearer", Header(), header("Authorization", "Bearertoken a.b.c"), "", nil},
		{"no scheme", Header(), header("Authorization", "a.b.c"), "", nil},
		{"scheme alone", Header(), header("Authorization", "Bearer"), "", nil},
		{"two headers", Header(), header("Authorization", "Bearer a.b.c", "Authorization", "Bearer a.b.c"), "", errSeveral},
		{"two headers of two schemes", Header(), header("Authorization", "Basic YTpi", "Authorization", "Bearer a.b.c"), "", errSeveral},
		{"two in one header", Header(), header("Authorization", "Bearer a.b.c, Bearer d.e.f"), "a.b.c, Bearer d.e.f", nil},
		{"no header", Header(), header(), "", nil},
		{"no request", Header(), &pipeline.Call{}, "", nil},

		{"auth", Auth("token"), auth(`{"token":"a.b.c","more":[1]}`), "a.b.c", nil},
		{"auth without", Auth("token"), auth(`{"Token":"a.b.c"}`), "", nil},
		{"auth of null", Auth("token"), auth(`null`), "", nil},
		{"auth with null", Auth("token"), auth(`{"token":null}`), "", nil},
		{"auth with a number", Auth("token"), auth(`{"token":7}`), "", errNotString},
		{"auth twice", Auth("token"), auth(`{"token":"a.b.c","token":"d.e.f"}`), "", errAuth},
		{"auth of a string", Auth("token"), auth(`"a.b.c"`), "", errAuth},
		{"auth that is not JSON", Auth("token"), auth(`{`), "", errAuth},
		{"empty auth", Auth("token"), auth(``), "", nil},
		{"no auth", Auth("token"), header(), "", nil},

		{"cookie", Cookie("token"), header("Cookie", "a=b; token=a.b.c"), "a.b.c", nil},
		{"two cookies", Cookie("token"), header("Cookie", "token=a.b.c; token=d.e.f"), "", errSeveral},
		{"another cookie", Cookie("token"), header("Cookie", "Token=a.b.c"), "", nil},
		{"no request for a cookie", Cookie("token"), &pipeline.Call{}, "", nil},

		{"subprotocol", Subprotocol("bearer"), header(protocol, "bearer, a.b.c"), "a.b.c", nil},
		{"subprotocol among others", Subprotocol("bearer"), header(protocol, "chat.v1,bearer,a.b.c,chat.v2"), "a.b.c", nil},
		{"subprotocol in another line", Subprotocol("bearer"), header(protocol, "chat.v1", protocol, "bearer, a.b.c"), "a.b.c", nil},
		{"subprotocol alone", Subprotocol("bearer"), header(protocol, "bearer"), "", nil},
		{"subprotocol twice", Subprotocol("bearer"), header(protocol, "bearer, a.b.c, bearer, d.e.f"), "", errSeveral},
		{"another subprotocol", Subprotocol("bearer"), header(protocol, "Bearer, a.b.c"), "", nil},
		{"no request for a subprotocol", Subprotocol("bearer"), &pipeline.Call{}, "", nil},
	} {
		token, err := tt.source(tt.call)
		if token != tt.token || err != tt.err {
			t.Errorf("%s: %q, %v; want %q, %v", tt.name, token, err, tt.token, tt.err)
		}
	}
}

func TestFirstSourceDecides(t *testing.T) {
	g, _ := newTestGuard(t, options())
	c := bearer(pipeline.KindHTTP, "a.b.c")
	c.Request.AddCookie(&http.Cookie{Name: "token", Value: good()})
	wantDenied(t, g.Check(t.Context(), c), CodeInvalid, "")

	c.Request.Header.Set("Authorization", "Basic YTpi")
	if err := g.Check(t.Context(), c); err != nil {
		t.Errorf("the cookie was not read: %v", err)
	}

	c = bearer(pipeline.KindHTTP, good())
	c.Request.Header.Add("Authorization", "Bearer "+good())
	wantDenied(t, g.Check(t.Context(), c), CodeInvalid, good())
}

// TestSchemes: what sources of this package read is known, and what others read is not.
func TestSchemes(t *testing.T) {
	bearer, auth := pipeline.Scheme{Kind: pipeline.SchemeBearer, Format: "JWT"}, pipeline.Scheme{Kind: pipeline.SchemeAuth, Key: "token"}
	own := func(c *pipeline.Call) (string, error) { return c.Request.Header.Get("X-Token"), nil } // panics without a request
	for name, tt := range map[string]struct {
		sources    []Source
		want, of   []pipeline.Scheme // of the function, of a guard
		isComplete bool
	}{
		"default": {nil, []pipeline.Scheme{bearer, auth}, []pipeline.Scheme{bearer, auth}, true},
		"all": {
			[]Source{Subprotocol("bearer"), Cookie("token"), Auth("token"), Header()},
			[]pipeline.Scheme{{Kind: pipeline.SchemeSubprotocol, Key: "bearer"}, {Kind: pipeline.SchemeCookie, Key: "token"}, auth, bearer},
			[]pipeline.Scheme{{Kind: pipeline.SchemeSubprotocol, Key: "bearer"}, {Kind: pipeline.SchemeCookie, Key: "token"}, auth, bearer}, true,
		},
		"own": {[]Source{Header(), own}, []pipeline.Scheme{bearer}, nil, false},
	} {
		if got := Schemes(tt.sources...); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v", name, got)
		}
		g, err := New[jwt.RegisteredClaims](Options{Method: jwt.SigningMethodHS256, Key: make([]byte, 32), Sources: tt.sources})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.Schemes(); !slices.Equal(got, tt.of) || (got != nil) != tt.isComplete {
			t.Errorf("%s: the guard says %v", name, got)
		}
	}
	if got := new(Guard[jwt.RegisteredClaims]).Schemes(); got != nil {
		t.Errorf("a guard that is not built says %v", got)
	}
	if got := Schemes(nil); got == nil || len(got) != 0 {
		t.Errorf("no source: %v", got)
	}
}
