package contracts

import (
	"context"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"

	"github.com/go-chi/chi/v5"
)

// Config has the secret of the tokens.
type Config struct{ Secret []byte }

// Token is the guard for tokens.
type Token = jwtauth.Guard[jwt.RegisteredClaims]

// snippet:schemes
// KeyGuard accepts clients with a key.
type KeyGuard struct{ keys map[string]bool }

func (g *KeyGuard) Check(_ context.Context, c *pipeline.Call) error {
	if !g.keys[c.Request.Header.Get("X-Key")] {
		return pipeline.ErrUnauthorized
	}
	return nil
}

// Schemes says how clients send the key.
func (*KeyGuard) Schemes() []pipeline.Scheme {
	return []pipeline.Scheme{{Kind: pipeline.SchemeHeader, Key: "X-Key"}}
}

// end

// NewKeyGuard returns the guard.
func NewKeyGuard() *KeyGuard { return &KeyGuard{map[string]bool{"k1": true}} }

// snippet:tokens
var sources = []jwtauth.Source{jwtauth.Header(), jwtauth.Auth("token"), jwtauth.Cookie("token")}

func NewToken(cfg Config) (*Token, error) {
	return jwtauth.New[jwt.RegisteredClaims](jwtauth.Options{Method: jwt.SigningMethodHS256, Key: cfg.Secret, Sources: sources})
}

// LoggedIn binds the guard of the module, for documents with its sources.
var LoggedIn = pipeline.WithSchemes(pipeline.Injected[*Token](), jwtauth.Schemes(sources...)...)

var Secured = module.New("shop",
	module.Providers(NewToken, module.Value(Config{Secret: make([]byte, 32)}), websockets.Gateway(NewShop,
		websockets.Path("/shop"), websockets.UseGuards(LoggedIn), websockets.Emits(ordered),
	)),
	module.Controllers(web.Controller(NewStock, web.UseGuards(NewKeyGuard))),
)

// end

// Stock has the route of a shop.
type Stock struct{}

// NewStock returns the controller.
func NewStock() *Stock { return &Stock{} }

// Routes implements [web.Routable].
func (*Stock) Routes(r chi.Router) {
	r.Get("/stock", web.JSON(func(context.Context, struct{}) (int, error) { return 1, nil }))
}
