// Package guards is the code of docs/guards.md.
package guards

import (
	"context"
	"slices"
	"sync"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Account is a user.
type Account struct {
	Name string
	Role string
}

// Accounts are the users by their keys.
type Accounts map[string]Account

// User is the user of a call.
//
// snippet:guards
var (
	User  = pipeline.NewValue[Account]("user") // set by a guard, read by handlers
	Roles = pipeline.NewKey[[]string]("roles") // metadata of handlers, read by guards
)

// KeyGuard identifies the user.
type KeyGuard struct{ accounts Accounts }

func NewKeyGuard(a Accounts) *KeyGuard { return &KeyGuard{a} }

func (g *KeyGuard) Check(_ context.Context, c *pipeline.Call) error {
	if _, known := User.Get(c); known {
		return nil // a message of a client that was accepted before
	}
	user, ok := g.accounts[c.Request.Header.Get("X-Key")]
	if !ok {
		return pipeline.ErrUnauthorized
	}
	User.Set(c, user)
	return nil
}

// RoleGuard checks the role of the user.
func RoleGuard(_ context.Context, c *pipeline.Call) error {
	roles, limited := Roles.Of(c)
	if user, _ := User.Get(c); limited && !slices.Contains(roles, user.Role) {
		return pipeline.ErrForbidden
	}
	return nil
}

// end

// Module has one pair of guards for both.
//
// snippet:bind
var Module = module.New("notes",
	module.Providers(NewNotes, module.Value(Accounts{"k1": {"ada", "admin"}, "k2": {"bob", "guest"}})),
	module.Exports(websockets.Gateway(NewGateway, websockets.UseGuards(NewKeyGuard, RoleGuard))),
	module.Controllers(web.Controller(NewController, web.UseGuards(NewKeyGuard, RoleGuard))),
)

func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("whoami", g.WhoAmI),
		websockets.On("clear", g.Clear, websockets.Meta(Roles.With([]string{"admin"}))),
	}
}

func (c *Controller) Routes(r chi.Router) {
	r.Get("/whoami", web.JSON(c.whoAmI))
	web.Use(r, web.Meta(Roles.With([]string{"admin"}))).Delete("/notes", web.JSON(c.clear))
}

// end

// Notes are cleared.
type Notes struct{ cleared int }

// NewNotes makes Notes.
func NewNotes() *Notes { return &Notes{} }

// Gateway is the one of the page.
type Gateway struct{ notes *Notes }

// NewGateway makes it.
func NewGateway(n *Notes) *Gateway { return &Gateway{n} }

// WhoAmI reads what a guard has set.
//
// snippet:whoami
func (g *Gateway) WhoAmI(ctx context.Context, _ struct{}) (string, error) {
	user, _ := User.From(ctx) // also in handlers of routes
	return user.Name, nil
}

// end

// Clear is for admins.
func (g *Gateway) Clear(context.Context, struct{}) (bool, error) {
	g.notes.cleared++
	return true, nil
}

// Controller is the one of the page.
type Controller struct{ notes *Notes }

// NewController makes it.
func NewController(n *Notes) *Controller { return &Controller{n} }

func (c *Controller) whoAmI(ctx context.Context, _ struct{}) (string, error) {
	user, _ := User.From(ctx)
	return user.Name, nil
}

func (c *Controller) clear(context.Context, struct{}) (struct{}, error) {
	c.notes.cleared++
	return struct{}{}, nil
}

// Handle has a guard for one handler, which its module resolves.
var Handle = module.New("notes",
	module.Providers(NewNotes, module.Value(Accounts{"k1": {"ada", "admin"}})),
	// snippet:one
	module.Exports(websockets.Gateway(NewGateway,
		websockets.ForEvent("clear", websockets.UseGuards(NewKeyGuard)))),
	module.Controllers(web.Controller(NewController,
		web.ForRoute("DELETE /notes", web.UseGuards(NewKeyGuard)))),
	// end
)

// KeyModule has the guard for all modules that import it.
var KeyModule = module.New("keys",
	module.Providers(module.Value(Accounts{"k1": {"ada", "admin"}})),
	module.Exports(NewKeyGuard),
)

// Injected binds the guard of KeyModule by its type.
//
// snippet:injected
var Injected = module.New("notes",
	module.Imports(KeyModule), // exports NewKeyGuard
	module.Providers(NewNotes),
	module.Exports(websockets.Gateway(NewGateway, websockets.UseGuards(pipeline.Injected[*KeyGuard]()))),
	module.Controllers(web.Controller(NewController, web.UseGuards(pipeline.Injected[*KeyGuard]()))),
)

// end

func main() {
	// snippet:global
	app.Main(Module,
		app.HTTP(":3000"),
		app.WebSockets(socketio.New()),
		app.UseGuards(NewBanGuard), // injects from the root module
	)
	// end
}

var _ = main

// BanModule binds its guard to the whole application.
//
// snippet:provided
var BanModule = module.New("bans",
	module.Providers(NewBans, app.Global(NewBanGuard)),
)

// end

// Bans are the addresses that may not come in.
type Bans struct {
	addresses map[string]bool
	mu        sync.Mutex
	asked     []string
}

// NewBans makes Bans.
func NewBans() *Bans { return &Bans{addresses: map[string]bool{"203.0.113.7": true}} }

func (b *Bans) check(c *pipeline.Call) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, string(c.Kind)+" "+c.Pattern+" "+c.Name)
	if b.addresses[c.Request.Header.Get("X-Real-IP")] {
		return &pipeline.Error{Message: "Go away", Code: "banned", Status: 403}
	}
	return nil
}

// BanGuard refuses addresses.
//
// snippet:handshake
type BanGuard struct{ bans *Bans }

func NewBanGuard(b *Bans) *BanGuard { return &BanGuard{b} }

func (g *BanGuard) Check(_ context.Context, c *pipeline.Call) error { return g.bans.check(c) }

// CheckHandshake checks the request that opens a connection.
func (g *BanGuard) CheckHandshake(_ context.Context, c *pipeline.Call) error { return g.bans.check(c) }

// end

// Lobby is notified of clients.
type Lobby interface {
	Connected(c websockets.Client)
	Disconnected(c websockets.Client)
}

// Presence accepts all clients, and reports them to the lobby.
type Presence struct{ lobby Lobby }

// NewPresence makes a Presence.
func NewPresence(l Lobby) *Presence { return &Presence{l} }

// Check sets up something for the duration of a connection.
//
// snippet:presence
func (g *Presence) Check(ctx context.Context, _ *pipeline.Call) error {
	if h := websockets.HandshakeFrom(ctx); h != nil { // nil for messages and routes
		h.OnConnected(func(c websockets.Client) {
			g.lobby.Connected(c)
			context.AfterFunc(c.Context(), func() { g.lobby.Disconnected(c) })
		})
	}
	return nil
}

// end
