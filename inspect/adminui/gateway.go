package adminui

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// maxPages is how many pages may be open at each node.
const maxPages = 8

var errPages error = &websockets.Error{Message: "Too many admin pages are open: close one", Code: "too_many_pages"}

// gateway serves the namespace of the page.
type gateway struct {
	Server *websockets.Server `websockets:"server"`

	admin *Admin
	login *login
	log   *slog.Logger
}

func (a *Admin) newGateway(lc fx.Lifecycle, log *slog.Logger) (*gateway, error) {
	if a.used.Swap(true) {
		return nil, errors.New("adminui: the Admin is part of another application: make one for each by adminui.New")
	}
	lc.Append(fx.StartStopHook(a.feed.start, a.feed.close))
	a.feed.log = log
	return &gateway{admin: a, login: newLogin(&a.opts, log), log: log}, nil
}

// GatewayOptions has the check of the password run for each connection.
func (g *gateway) GatewayOptions() []websockets.Option {
	return []websockets.Option{websockets.Admit(g.login.check)}
}

// AfterInit is called before any client.
func (g *gateway) AfterInit(_ context.Context, s *websockets.Server) error {
	g.admin.feed.server = s
	return nil
}

// Subscriptions are the actions of the page, and what nodes send each other.
func (g *gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("emit", g.emit, websockets.UseGuards(g.writable)),
		websockets.Listen("join", g.join, websockets.UseGuards(g.writable)),
		websockets.Listen("leave", g.leave, websockets.UseGuards(g.writable)),
		websockets.Listen("_disconnect", g.disconnect, websockets.UseGuards(g.writable)),
		act.On(g.acted), ask.On(g.asked), opened.On(g.sessionOpened),
	}
}

// config is the payload of the event of that name.
type config struct {
	SupportedFeatures []string `json:"supportedFeatures"`
}

func (a *Admin) features() []string {
	var f []string
	if !a.opts.ReadOnly {
		f = append(f, "EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")
	}
	f = append(f, "AGGREGATED_EVENTS")
	if a.opts.Mode == Development {
		f = append(f, "ALL_EVENTS")
	}
	return f
}

// HandleConnection sends a page what it needs, in the order of npm's package.
func (g *gateway) HandleConnection(ctx context.Context, c websockets.Client) error {
	if id, ok := sessionKey.Get(c); ok {
		s := session{sha256.Sum256([]byte(id)), time.Now().Add(g.login.ttl)}
		g.login.sessions.add(s.Hash, s.End)
		if err := errors.Join(opened.Emit(ctx, g.Server, s), c.Emit(ctx, "session", id)); err != nil {
			return err
		}
	}
	if err := c.Emit(ctx, "config", config{g.admin.features()}); err != nil {
		return err
	}
	if !g.admin.feed.enter(c) {
		return errPages
	}
	return nil
}

// HandleDisconnect is called for pages, also those that HandleConnection has refused.
func (g *gateway) HandleDisconnect(_ context.Context, c websockets.Client, _ websockets.Reason) {
	g.admin.feed.exit(c)
}

// session is a session that a node has opened; a page may reconnect with it at any.
type session struct {
	Hash [sha256.Size]byte
	End  time.Time
}

// askMessage has a node send its pages what it knows, for a while.
type askMessage struct {
	// Page is one that has been opened, which is sent all sockets; empty for none.
	Page string `json:",omitempty"`
	// Stale: pages have missed changes of the node that asks, and need all sockets again.
	Stale bool `json:",omitempty"`
}

// Events between the nodes.
var (
	ask    = websockets.NewNodeEvent[askMessage]("adminui.ask")
	act    = websockets.NewNodeEvent[json.RawMessage]("adminui.act")
	opened = websockets.NewNodeEvent[session]("adminui.session")
)

func (g *gateway) asked(_ context.Context, m askMessage) error {
	g.admin.feed.ask(m)
	return nil
}

func (g *gateway) sessionOpened(_ context.Context, s session) error {
	g.login.sessions.add(s.Hash, s.End)
	return nil
}
