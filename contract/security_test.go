package contract_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The constructor of a keyGuard sets where the key is; that of a fixedGuard sets nothing.
type (
	keyGuard   struct{ header string }
	fixedGuard struct{}
)

func newKeyGuard() *keyGuard { return &keyGuard{"X-Key"} }

func (*keyGuard) Check(context.Context, *pipeline.Call) error { return nil }

func (g *keyGuard) Schemes() []pipeline.Scheme {
	if g.header == "" {
		return nil
	}
	return []pipeline.Scheme{{Kind: pipeline.SchemeHeader, Key: g.header}}
}

func newFixedGuard() fixedGuard { panic("a constructor ran") }

func (fixedGuard) Check(context.Context, *pipeline.Call) error { return nil }

func (fixedGuard) Schemes() []pipeline.Scheme {
	return []pipeline.Scheme{{Kind: pipeline.SchemeBasic}, {Kind: pipeline.SchemeQuery, Key: "key"}}
}

type securedController struct{ guard *keyGuard }

func newSecuredController() *securedController { return &securedController{newKeyGuard()} }

func (c *securedController) Routes(r chi.Router) {
	web.Use(r, web.UseGuards(c.guard)).Get("/pots", web.JSON(func(context.Context, struct{}) (int, error) { return 0, nil }))
}

type securedGateway struct{}

func newSecuredGateway() *securedGateway { return &securedGateway{} }

func (*securedGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("pour", func(context.Context, int) error { return nil })}
}

// guarded returns an application with a gateway on plain WebSocket.
func guarded(opts ...websockets.Option) *module.Module {
	return module.New("m", module.Providers(newKeyGuard, websockets.Gateway(newSecuredGateway, append(opts, websockets.Via(ws.New(), websockets.Path("/pots")))...)))
}

// TestSecurity: what guards say, however they are bound, is in the documents without a constructor that runs.
func TestSecurity(t *testing.T) {
	const (
		basicOrQuery = `[{"$ref":"#/components/securitySchemes/basic"},{"$ref":"#/components/securitySchemes/query_key"}]`
		header       = `[{"$ref":"#/components/securitySchemes/header_X-Key"}]`
	)
	key := func(guard any) pipeline.DeclaredGuard {
		return pipeline.WithSchemes(guard, pipeline.Scheme{Kind: pipeline.SchemeHeader, Key: "X-Key"})
	}
	for name, tt := range map[string]struct {
		root *module.Module
		app  []app.Option
		want string // the security of the server
	}{
		"none":                 {guarded(), nil, ""},
		"a value":              {guarded(websockets.UseGuards(&keyGuard{"X-Key"})), nil, header},
		"a constructor":        {guarded(websockets.UseGuards(newFixedGuard)), nil, basicOrQuery},
		"a declared one":       {guarded(websockets.UseGuards(key(newKeyGuard))), nil, header},
		"a type":               {guarded(websockets.UseGuards(key(pipeline.Injected[*keyGuard]()))), nil, header},
		"a function":           {guarded(websockets.UseGuards(key(func(context.Context, *pipeline.Call) error { return nil }))), nil, header},
		"an interface":         {guarded(websockets.UseGuards(func() pipeline.Guard { return newFixedGuard() })), nil, ""},
		"without schemes":      {guarded(websockets.UseGuards(pipeline.WithSchemes(newFixedGuard))), nil, ""},
		"of messages":          {guarded(websockets.UseGuards(pipeline.Only(fixedGuard{}, pipeline.KindMessage))), nil, basicOrQuery},
		"of requests":          {guarded(websockets.UseGuards(pipeline.Only(fixedGuard{}, pipeline.KindHTTP))), nil, ""},
		"of the application":   {guarded(), []app.Option{app.UseGuards(newFixedGuard)}, basicOrQuery},
		"of a module":          {module.New("n", module.Imports(guarded()), module.Providers(app.Global(newFixedGuard))), nil, basicOrQuery},
		"declared of a module": {module.New("n", module.Imports(guarded()), module.Providers(app.Global(key(newFixedGuard)))), nil, header},
		"twice":                {guarded(websockets.UseGuards(newFixedGuard)), []app.Option{app.UseGuards(newFixedGuard)}, basicOrQuery},
	} {
		m := modelOf(t, tt.root, tt.app)
		if len(m.Problems) > 0 {
			t.Errorf("%s: %v", name, m.Problems)
		}
		text, err := m.AsyncAPI()
		server, operation := document(t, text, err).at("servers", "ws"), document(t, text, err).at("operations", "ws.pots.receive.pour")
		if tt.want == "" {
			if strings.Contains(string(text), "ecurity") {
				t.Errorf("%s: %s", name, text)
			}
			continue
		}
		server.want(tt.want, "security")
		operation.want(tt.want, "security")
	}
}

// TestSeveralGuards: each guard needs a credential of its own.
func TestSeveralGuards(t *testing.T) {
	root := module.New("m", module.Imports(guarded(websockets.ForEvent("pour", websockets.UseGuards(newFixedGuard)), websockets.UseGuards(&keyGuard{"X-Key"}))),
		module.Controllers(web.Controller(newSecuredController, web.UseGuards(newFixedGuard), web.ForRoute("GET /pots", web.UseGuards(pipeline.WithSchemes(&keyGuard{}, pipeline.Scheme{Kind: pipeline.SchemeCookie, Key: "key"}))))))
	m := modelOf(t, root, nil)
	if len(m.Problems) != 1 || m.Problems[0].String() != "route GET /pots: guard *contract_test.keyGuard: how clients send its credential is not known before it is built: bind it by pipeline.WithSchemes, or use contracttest.Built" {
		t.Errorf("%v", m.Problems)
	}
	text, err := m.AsyncAPI()
	n := document(t, text, err)
	n.want(`[["header_X-Key"],["basic","query_key"]]`, "operations", "ws.pots.receive.pour", "x-gatehouse-security")
	n.want(`[{"$ref":"#/components/securitySchemes/header_X-Key"}]`, "operations", "ws.pots.receive.pour", "security")
	n.want(`[{"$ref":"#/components/securitySchemes/header_X-Key"}]`, "servers", "ws", "security")
	text, err = m.OpenAPI()
	n = document(t, text, err)
	n.want(`[{"basic":[],"cookie_key":[]},{"cookie_key":[],"query_key":[]}]`, "paths", "/pots", "get", "security")
	n.want(`{"in":"cookie","name":"key","type":"apiKey"}`, "components", "securitySchemes", "cookie_key")
	if names := n.at("components", "securitySchemes").names(); len(names) != 3 {
		t.Errorf("%q", names)
	}
}

// TestOtherSchemes: two schemes of one name have two names.
func TestOtherSchemes(t *testing.T) {
	scheme := pipeline.Scheme{Kind: pipeline.SchemeHeader, Key: "A", Name: "key"}
	other := pipeline.Scheme{Kind: pipeline.SchemeHeader, Key: "B", Name: "key"}
	text, err := modelOf(t, guarded(websockets.UseGuards(pipeline.WithSchemes(fixedGuard{}, scheme, other))), nil).AsyncAPI()
	document(t, text, err).want(`{"key":{"in":"header","name":"A","type":"httpApiKey"},"key-2":{"in":"header","name":"B","type":"httpApiKey"}}`, "components", "securitySchemes")
}

type tokenGuard = jwtauth.Guard[jwt.RegisteredClaims]

func newTokenGuard() (*tokenGuard, error) {
	return jwtauth.New[jwt.RegisteredClaims](jwtauth.Options{Method: jwt.SigningMethodHS256, Key: make([]byte, 32), Sources: []jwtauth.Source{jwtauth.Cookie("token")}})
}

// TestUnknownSchemes: what cannot be described is a problem, and is none of the started application.
func TestUnknownSchemes(t *testing.T) {
	const unknown = "how clients send its credential is not known before it is built: bind it by pipeline.WithSchemes, or use contracttest.Built"
	for name, tt := range map[string]struct {
		guard any
		want  []string
	}{
		"token":    {newTokenGuard, []string{"gateway contract_test.newSecuredGateway: guard contract_test.newTokenGuard: " + unknown}},
		"injected": {pipeline.Injected[*keyGuard](), []string{"gateway contract_test.newSecuredGateway: guard *contract_test.keyGuard: " + unknown}},
		"elsewhere": {
			pipeline.WithSchemes(newFixedGuard, jwtauth.Schemes(jwtauth.Auth("token"))...),
			[]string{"gateway contract_test.newSecuredGateway: guard contract_test.newFixedGuard: none of its schemes can be used here: declare one more, or bind it elsewhere"},
		},
		"wrong": {
			pipeline.WithSchemes(newFixedGuard, pipeline.Scheme{Kind: "body"}, pipeline.Scheme{Kind: pipeline.SchemeBasic}),
			[]string{`gateway contract_test.newSecuredGateway: guard contract_test.newFixedGuard: a scheme of it has the kind "body": use one of the constants of package pipeline`},
		},
	} {
		var got []string
		for _, p := range modelOf(t, guarded(websockets.UseGuards(tt.guard)), nil).Problems {
			got = append(got, p.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// TestBuiltSchemes: the guards of a started application say what they read.
func TestBuiltSchemes(t *testing.T) {
	for name, tt := range map[string]struct {
		guard any
		want  string
	}{
		"token":    {newTokenGuard, "[{contract_test.newTokenGuard [{cookie token   }]}]"},
		"injected": {pipeline.Injected[*keyGuard](), "[{*contract_test.keyGuard [{header X-Key   }]}]"},
		"declared": {pipeline.WithSchemes(newTokenGuard, jwtauth.Schemes(jwtauth.Cookie("token"))...), "[{contract_test.newTokenGuard [{cookie token   }]}]"},
	} {
		a := apptest.New(t, guarded(websockets.UseGuards(tt.guard))).App()
		d := &app.Description{Modules: a.Modules(), Gateways: a.Gateways(), Routes: a.Routes()}
		if got := fmt.Sprint(d.Gateways[0].Endpoints[0].Security); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
		m, err := contract.From(d)
		if err != nil || len(m.Problems) > 0 {
			t.Errorf("%s: %v, %v", name, m.Problems, err)
		}
		static, err := app.Describe(guarded(websockets.UseGuards(tt.guard)))
		if err != nil || name == "declared" && !reflect.DeepEqual(static.Gateways[0].Endpoints[0].Security, d.Gateways[0].Endpoints[0].Security) {
			t.Errorf("%s: %+v, %v", name, static, err)
		}
	}
}
