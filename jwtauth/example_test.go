package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type Claims struct {
	jwt.RegisteredClaims
	Name string `json:"name"`
}

type Guard = jwtauth.Guard[Claims]

var secret = []byte("32 random bytes, from a vault ...")

func NewGuard() (*Guard, error) {
	return jwtauth.New[Claims](jwtauth.Options{
		Method:        jwt.SigningMethodHS256,
		Key:           secret,
		Audience:      []string{"chat"},
		Sources:       []jwtauth.Source{jwtauth.Header(), jwtauth.Auth("token"), jwtauth.Subprotocol("bearer")},
		RefreshWindow: time.Minute,
	})
}

type Gateway struct{ guard *Guard }

func NewGateway(g *Guard) *Gateway { return &Gateway{g} }

func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("whoami", g.WhoAmI),
		g.guard.Refresh("token"),
	}
}

func (g *Gateway) WhoAmI(ctx context.Context, _ struct{}) (string, error) {
	claims, _ := g.guard.From(ctx)
	return claims.Name, nil
}

// A gateway that accepts only clients with a valid token. Pages connect to it with
// new WebSocket(url, ["bearer", token]).
func Example() {
	chat := module.New("chat",
		module.Providers(NewGuard),
		module.Exports(websockets.Gateway(NewGateway,
			websockets.UseGuards(func(g *Guard) pipeline.Guard { return g }),
			websockets.Emits(jwtauth.TokenExpiring),
			ws.Options{Subprotocols: []string{"bearer"}})))
	fmt.Println(app.Validate(chat, app.WebSockets(ws.New())))
	// Output: <nil>
}

func ExampleGuard_Check() {
	guard, err := NewGuard()
	if err != nil {
		fmt.Println(err)
		return
	}
	token, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, Claims{jwt.RegisteredClaims{
		Subject: "u1", Audience: jwt.ClaimStrings{"chat"}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}, "Ann"}).SignedString(secret)

	for _, header := range []string{"Bearer " + token, "Bearer " + token + "x", ""} {
		call := &pipeline.Call{Kind: pipeline.KindHTTP, Request: httptest.NewRequest(http.MethodGet, "/", http.NoBody)}
		if header != "" {
			call.Request.Header.Set("Authorization", header)
		}
		err := guard.Check(context.Background(), call)
		if rejected, ok := errors.AsType[*pipeline.Error](err); ok {
			fmt.Println(rejected.Status, rejected.Code, rejected.Header.Get("WWW-Authenticate"))
			continue
		}
		claims, _ := guard.Get(call)
		fmt.Println("hello", claims.Name)
	}
	// Output:
	// hello Ann
	// 401 token_invalid Bearer error="invalid_token"
	// 401 token_missing Bearer
}
