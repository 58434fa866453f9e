package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// gateway has clients of both platforms.
type gateway struct {
	Server *websockets.Server `websockets:"server"`
	left   chan string
}

func newGateway() *gateway { return &gateway{left: make(chan string, 100)} }

func (g *gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("id", func(ctx context.Context, _ struct{}) (string, error) { return websockets.ClientFrom(ctx).ID(), nil }),
		websockets.On("join", func(ctx context.Context, rooms []string) (string, error) {
			return "joined", websockets.ClientFrom(ctx).Join(rooms...)
		}),
		websockets.On("rooms", func(ctx context.Context, _ struct{}) ([]string, error) {
			return websockets.ClientFrom(ctx).Rooms(), nil
		}),
		websockets.On("shout", g.shout),
		websockets.On("name", func(ctx context.Context, name string) (string, error) {
			nameKey.Set(websockets.ClientFrom(ctx), name)
			return name, nil
		}),
	}
}

var nameKey = websockets.NewKey[string]("name", websockets.Shared())

// shout sends an event to all others.
func (g *gateway) shout(ctx context.Context, text string) (string, error) {
	return "shouted", g.Server.Except(websockets.ClientFrom(ctx)).Emit(ctx, "shout", text)
}

func (g *gateway) HandleDisconnect(_ context.Context, c websockets.Client, r websockets.Reason) {
	g.left <- c.ID() + " " + string(r.Cause)
}

// other is a gateway of its own, with the same rooms.
type other struct {
	Server *websockets.Server `websockets:"server"`
}

func newOther() *other { return &other{} }

func (*other) Subscriptions() []websockets.Subscription { return newGateway().Subscriptions()[:3] }

// node is one application of a test.
type node struct {
	*apptest.App

	server, other *websockets.Server
	self          string            // its id
	engine        *memory.Backplane // nil on another service
	left          chan string
	log           *testkit.Log
}

// start starts an application on the bus; nil for one without a backplane.
func start(t *testing.T, bus *memory.Bus, opts ...app.Option) *node {
	t.Helper()
	if bus == nil {
		return startOn(t, nil, opts...)
	}
	engine := bus.Node()
	n := startOn(t, func() backplane.Backplane { return engine }, opts...)
	n.engine = engine
	return n
}

// startOn starts an application on a service; nil for one without a backplane.
func startOn(t *testing.T, s service, opts ...app.Option) *node {
	t.Helper()
	n := &node{log: &testkit.Log{}}
	all := []app.Option{app.Logger(n.log.Logger(slog.LevelInfo))}
	if s != nil {
		// A node of a loaded machine is not dead after seconds.
		all = append(all, app.Backplane(s(), backplane.Beats(500*time.Millisecond, time.Minute)))
	}
	n.App = apptest.New(t, program(), apptest.With(append(all, opts...)...))
	g := apptest.Get[*gateway](n.App)
	for _, x := range g.Server.Nodes() {
		n.self = x.ID
	}
	n.server, n.left, n.other = g.Server, g.left, apptest.Get[*other](n.App).Server
	return n
}

func program() *module.Module {
	io, plain := socketio.New(), ws.New()
	return module.New("program", module.Exports(
		websockets.Gateway(newGateway, websockets.Shares(nameKey), websockets.Via(io), websockets.Via(io, websockets.Namespace("/orgs/{org}")), websockets.Via(plain, websockets.Path("/ws"))),
		websockets.Gateway(newOther, websockets.Via(io, websockets.Namespace("other")), websockets.Via(plain, websockets.Path("/other"))),
	))
}

// nodes starts two applications that know each other.
func nodes(t *testing.T, s service, opts ...app.Option) (a, b *node) {
	t.Helper()
	a, b = startOn(t, s, opts...), startOn(t, s, opts...)
	meet(t, a, b)
	return a, b
}

// meet waits until all nodes know each other.
func meet(t *testing.T, all ...*node) {
	t.Helper()
	for _, n := range all {
		testkit.Eventually(t, "the nodes know each other", func() bool { return len(n.server.Nodes()) == len(all) })
	}
}

func (n *node) stats() (s struct{ gaps, duplicates, invalid, unknown uint64 }) {
	b := n.App.App().Stats().Backplane
	s.gaps, s.duplicates, s.invalid, s.unknown = b.Gaps, b.Duplicates, b.Invalid, b.Unknown
	return s
}

// client is a client of a node.
type client struct {
	*apptest.Client

	name  string
	node  *node
	rooms []string
	id    string
}

// connect connects a client and puts it into rooms.
func (n *node) connect(name string, dial func() *apptest.Client, rooms ...string) *client {
	c := &client{Client: dial(), name: name, node: n, rooms: rooms}
	c.id = string(c.Call("id"))
	c.id = c.id[1 : len(c.id)-1]
	if len(rooms) > 0 {
		c.Call("join", rooms)
	}
	return c
}

// everyone connects clients of both platforms to each node, in the rooms of their place.
func everyone(all ...*node) (clients []*client) {
	for i, n := range all {
		for platform, dial := range map[string]func() *apptest.Client{
			"socketio": func() *apptest.Client { return n.DialSocketIO("/") },
			"ws":       func() *apptest.Client { return n.DialWS("/ws") },
		} {
			for _, rooms := range [][]string{nil, {"a"}, {"a", "b"}, {"b", "c"}} {
				clients = append(clients, n.connect(fmt.Sprint(platform, i, rooms), dial, rooms...))
			}
		}
		clients = append(clients, n.connect(fmt.Sprint("org", i), func() *apptest.Client { return n.DialSocketIO("/orgs/7") }, "a"))
	}
	return clients
}

// contextWithin returns a context of a start that fails.
func contextWithin(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 3*time.Second)
}
