// Package authentication is the code of docs/authentication.md.
package authentication

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Config comes from the environment.
type Config struct {
	Secret []byte
	Life   time.Duration
}

// Claims are what a token says.
//
// snippet:guard
type Claims struct {
	jwt.RegisteredClaims
	Name string `json:"name"`
}

type Guard = jwtauth.Guard[Claims]

func NewGuard(cfg Config) (*Guard, error) {
	return jwtauth.New[Claims](jwtauth.Options{
		Method:   jwt.SigningMethodHS256,
		Key:      cfg.Secret, // 32 random bytes
		Audience: []string{"chat"},
		Sources: []jwtauth.Source{ // the first source with a token is used
			jwtauth.Header(), jwtauth.Subprotocol("bearer"), jwtauth.Auth("token"), jwtauth.Cookie("token"),
		},
		RefreshWindow: time.Minute,
	})
}

var Module = module.New("chat",
	module.Providers(NewGuard, NewUsers, NewIssuer),
	module.Exports(websockets.Gateway(NewGateway,
		websockets.UseGuards(NewGuard),
		websockets.Emits(jwtauth.TokenExpiring),
		websockets.Via(socketio.New()),
		websockets.Via(ws.New(ws.Options{Subprotocols: []string{"bearer"}}), websockets.Path("/ws")),
	)),
	module.Controllers(
		NewLogin, // without a guard
		web.Controller(NewAccount, web.UseGuards(NewGuard)),
	),
)

// end

// Users are the accounts.
type Users struct{ passwords map[string]string }

// NewUsers makes Users.
func NewUsers() *Users { return &Users{map[string]string{"ada": "engine"}} }

// Check reports whether the password is the user's. Store hashes instead.
func (u *Users) Check(name, password string) bool {
	want, ok := u.passwords[name]
	return ok && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
}

// Issuer makes tokens.
//
// snippet:login
type Issuer struct{ cfg Config }

func NewIssuer(cfg Config) *Issuer { return &Issuer{cfg} }

func (i *Issuer) Token(name string) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   name,
			Audience:  jwt.ClaimStrings{"chat"},
			ExpiresAt: jwt.NewNumericDate(time.Now().Add(i.cfg.Life)),
		},
		Name: name,
	}).SignedString(i.cfg.Secret)
}

type Login struct {
	users  *Users
	issuer *Issuer
}

func NewLogin(u *Users, i *Issuer) *Login { return &Login{u, i} }

func (l *Login) Routes(r chi.Router) {
	r = web.Use(r, web.UseGuards(ratelimit.Requests(rate.Every(time.Second), 10))) // per address
	r.Post("/login", web.JSON(l.login))
	r.Post("/session", web.Handle(l.session))
}

type Credentials struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

type Token struct {
	Token string `json:"token"`
}

func (l *Login) login(_ context.Context, in Credentials) (Token, error) {
	if !l.users.Check(in.Name, in.Password) {
		return Token{}, &web.Error{Message: "Name or password is wrong", Code: "bad_login", Status: 401}
	}
	token, err := l.issuer.Token(in.Name)
	return Token{token}, err
}

// end

// session sets a cookie instead.
//
// snippet:session
func (l *Login) session(w http.ResponseWriter, r *http.Request) error {
	in, err := web.ReadJSON[Credentials](w, r, 4<<10)
	if err != nil {
		return err
	}
	token, err := l.login(r.Context(), in)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: "token", Value: token.Token, Path: "/",
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// end

// Gateway returns the claims of a client.
//
// snippet:whoami
type Gateway struct{ guard *Guard }

func NewGateway(g *Guard) *Gateway { return &Gateway{g} }

func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("whoami", g.WhoAmI),
		g.guard.Refresh("token"), // accepts a new token
	}
}

func (g *Gateway) WhoAmI(ctx context.Context, _ struct{}) (string, error) {
	claims, _ := g.guard.From(ctx) // also in handlers of routes
	return claims.Name, nil
}

func (g *Gateway) HandleConnection(_ context.Context, c websockets.Client) error {
	claims, _ := g.guard.Get(c)
	return c.Join("user:" + claims.Subject) // all devices of a user
}

// end

// Account is for signed-in users.
type Account struct{ guard *Guard }

// NewAccount makes an Account.
func NewAccount(g *Guard) *Account { return &Account{g} }

// Routes of an Account.
func (a *Account) Routes(r chi.Router) {
	r.Get("/me", web.JSON(a.me))
}

func (a *Account) me(ctx context.Context, _ struct{}) (string, error) {
	claims, _ := a.guard.From(ctx)
	return claims.Name, nil
}

func main() {
	// snippet:limits
	app.Main(Module,
		app.HTTP(":3000"),
		app.UseGuards(
			ratelimit.Connections(1, 20), // each address: one per second, a burst of 20
			ratelimit.Requests(10, 50),   // each address
			ratelimit.Messages(20, 40),   // each connection
			ratelimit.Bytes(64<<10, 256<<10),
		),
	)
	// end
}

var _ = main

// Public marks what needs no token.
//
// snippet:public
var Public = pipeline.NewKey[bool]("public")

// EverywhereGuard applies the guard to all handlers that are not Public.
type EverywhereGuard struct{ guard *Guard }

func NewEverywhereGuard(g *Guard) *EverywhereGuard { return &EverywhereGuard{g} }

func (g *EverywhereGuard) Check(ctx context.Context, c *pipeline.Call) error {
	if public, _ := Public.Of(c); public {
		return nil
	}
	return g.guard.Check(ctx, c)
}

var Guarded = module.New("chat",
	module.Providers(NewGuard, NewUsers, NewIssuer, app.Global(NewEverywhereGuard)),
	module.Exports(websockets.Gateway(NewGateway, websockets.Via(socketio.New()))),
	module.Controllers(
		web.Controller(NewLogin, web.Meta(Public.With(true))),
		NewAccount,
	),
)

// end

// snippet:userlimit
func NewUserLimit(g *Guard) pipeline.Guard {
	return ratelimit.By(func(_ context.Context, c *pipeline.Call) (string, bool) {
		claims, ok := g.Get(c)
		return claims.Subject, ok
	}, 5, 20)
}

var Limited = module.New("limited",
	module.Providers(NewGuard),
	module.Controllers(web.Controller(NewProfile, web.UseGuards(pipeline.Injected[*Guard](), NewUserLimit))), // in this order
)

// end

type Profile struct{}

func NewProfile() *Profile { return &Profile{} }

func (*Profile) Routes(r chi.Router) {
	r.Get("/profile", web.JSON(func(context.Context, struct{}) (string, error) { return "ada", nil }))
}

// Logged is a module whose log has users.
//
// snippet:logged
func NewLogging(log *slog.Logger, g *Guard) *pipeline.Logging {
	return pipeline.NewLogging(log).With(func(ctx context.Context, c *pipeline.Call) []slog.Attr {
		claims, _ := g.Get(c)
		return []slog.Attr{slog.String("user", claims.Subject), slog.String("request", middleware.GetReqID(ctx))}
	})
}

var Logged = module.New("logged",
	module.Providers(NewGuard),
	module.Controllers(web.Controller(NewProfile, web.UseGuards(pipeline.Injected[*Guard]()), web.UseInterceptors(NewLogging))),
)

// end
