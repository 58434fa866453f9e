package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type gateway struct {
	Server *websockets.Server `websockets:"server"`
}

func newGateway() *gateway { return &gateway{} }

func (g *gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", func(ctx context.Context, rooms []string) (string, error) {
			return "joined", websockets.ClientFrom(ctx).Join(rooms...)
		}),
		websockets.On("shout", func(ctx context.Context, text string) (string, error) {
			return "shouted", g.Server.Except(websockets.ClientFrom(ctx)).Emit(ctx, "shout", text)
		}),
	}
}

// application is one node of a test.
type application struct {
	*apptest.App

	server *websockets.Server
	log    *testkit.Log
}

// startApp starts an application.
func startApp(t testing.TB, engine backplane.Backplane, opts ...backplane.Option) *application {
	t.Helper()
	n := &application{log: &testkit.Log{}}
	io, plain := socketio.New(), ws.New()
	root := module.New("program", module.Exports(
		websockets.Gateway(newGateway, websockets.Via(io), websockets.Via(plain, websockets.Path("/ws"))),
	))
	// A node of a loaded machine is not dead after seconds.
	opts = append([]backplane.Option{backplane.Beats(500*time.Millisecond, time.Minute)}, opts...)
	n.App = apptest.New(t, root, apptest.With(app.Logger(n.log.Logger(slog.LevelInfo)), app.Backplane(engine, opts...)))
	n.server = apptest.Get[*gateway](n.App).Server
	return n
}

// know waits until all applications know each other.
func know(t testing.TB, all ...*application) {
	t.Helper()
	for _, n := range all {
		testkit.Eventually(t, "the nodes know each other", func() bool { return len(n.server.Nodes()) == len(all) })
	}
}

// engines makes engines of one cluster, one for each call.
type engines func() backplane.Backplane

// kinds are the engines of this folder.
func kinds() map[string]func(t testing.TB) engines {
	return map[string]func(t testing.TB) engines{
		"nats": func(t testing.TB) engines {
			at := service(t, nil)
			return func() backplane.Backplane { return nats.New(nats.URL(at)) }
		},
		"embedded": func(testing.TB) engines {
			var made []*embedded.Engine
			return func() backplane.Backplane {
				var peers []string
				for _, e := range made {
					if a := e.Addr(); a != nil {
						peers = append(peers, a.String())
					}
				}
				made = append(made, newEngine(embedded.Peers(peers...)))
				return made[len(made)-1]
			}
		},
	}
}

// clients connects a client of each platform.
func (n *application) clients(rooms ...string) []*apptest.Client {
	all := []*apptest.Client{n.DialSocketIO("/"), n.DialWS("/ws")}
	for _, c := range all {
		c.Call("join", rooms)
	}
	return all
}

// Three applications are one, for clients of both platforms.
func TestApplications(t *testing.T) {
	for name, kind := range kinds() {
		t.Run(name, func(t *testing.T) {
			next := kind(t)
			a, b, c := startApp(t, next()), startApp(t, next()), startApp(t, next())
			know(t, a, b, c)
			onA, onB, onC := a.clients("tea"), b.clients("tea"), c.clients("milk")
			ctx := t.Context()

			for _, from := range []*application{a, b, c} {
				if err := from.server.To("tea").Emit(ctx, "news", map[string]any{"n": 1, "b": []byte{0, 255}}); err != nil {
					t.Fatal(err)
				}
				if err := from.server.Emit(ctx, "done", nil); err != nil {
					t.Fatal(err)
				}
				for _, x := range append(onA, onB...) {
					x.ExpectMessage("news")
					x.ExpectMessage("done")
				}
				for _, x := range onC {
					x.ExpectMessage("done")
				}
			}

			onA[0].Call("shout", "hi")
			for _, x := range append(append(onB, onC...), onA[1]) {
				if got := apptest.Expect[string](x, "shout"); got != "hi" {
					t.Errorf("got %q", got)
				}
			}

			if n, err := b.server.To("tea").Count(ctx); n != 4 || err != nil {
				t.Errorf("%d clients, %v, want 4", n, err)
			}
			f, err := c.server.Fetch(ctx)
			if err != nil || len(f.Clients) != 6 || len(f.Unreachable) > 0 {
				t.Errorf("Fetch: %d clients, %v, %v", len(f.Clients), f.Unreachable, err)
			}
			vote := websockets.NewCall[string, string]("vote")
			for _, x := range append(append(onA, onB...), onC...) {
				x.OnCall("vote", func(json.RawMessage) any { return "yes" })
			}
			votes, err := vote.CallAll(ctx, a.server, "for")
			if err != nil || len(votes.Answered) != 6 || len(votes.Missing)+len(votes.Unreachable) > 0 {
				t.Errorf("CallAll: %d answered, %v missing, %v, %v", len(votes.Answered), votes.Missing, votes.Unreachable, err)
			}

			if err := a.server.To("milk").Join(ctx, "more"); err != nil {
				t.Fatal(err)
			}
			if err := a.server.To("more").Emit(ctx, "to more", nil); err != nil {
				t.Fatal(err)
			}
			for _, x := range onC {
				x.ExpectMessage("to more")
			}
			for _, n := range []*application{a, b, c} {
				if s := n.App.App().Stats().Backplane; s.Gaps+s.Duplicates+s.Invalid+s.Unknown+s.Dropped > 0 || !s.Up {
					t.Errorf("statistics: %+v", s)
				}
			}

			// A node that stops is known at once, and its answers are not awaited.
			if err := c.App.App().Stop(ctx); err != nil {
				t.Fatal(err)
			}
			know(t, a, b)
			if n, err := a.server.Count(ctx); n != 4 || err != nil {
				t.Errorf("%d clients, %v, want 4", n, err)
			}
			// One that starts has what follows.
			d := startApp(t, next())
			know(t, a, b, d)
			late := d.clients("tea")
			if err := a.server.To("tea").Emit(ctx, "late", nil); err != nil {
				t.Fatal(err)
			}
			for _, x := range late {
				x.ExpectMessage("late")
			}
		})
	}
}

// Events of one goroutine arrive in their order at clients of another node, and none is lost.
func TestOrderOfApplications(t *testing.T) {
	for name, kind := range kinds() {
		t.Run(name, func(t *testing.T) {
			next := kind(t)
			a, b := startApp(t, next()), startApp(t, next())
			know(t, a, b)
			const goroutines, events = 4, 200
			clients := append(a.clients("r"), b.clients("r")...)
			var all sync.WaitGroup
			for i, n := range []*application{a, b} {
				for g := range goroutines {
					all.Go(func() {
						for e := range events {
							if err := n.server.To("r").Emit(t.Context(), fmt.Sprint(i, " ", g), e); err != nil {
								t.Error(err)
							}
						}
					})
				}
			}
			for _, c := range clients {
				following := map[string]int{}
				for range 2 * goroutines * events {
					m := c.Next()
					if want := fmt.Sprint(following[m.Event]); string(m.Data) != want {
						t.Fatalf("event %s of %s, want %s", m.Data, m.Event, want)
					}
					following[m.Event]++
				}
			}
			all.Wait()
		})
	}
}

// An application starts without NATS and serves its own clients. When NATS is lost and is back, the
// nodes are one again.
func TestApplicationsWithoutNATS(t *testing.T) {
	p := newProxy(t, service(t, nil))
	p.cut()
	next := func() backplane.Backplane { return nats.New(nats.URL(p.at)) }
	a, b := startApp(t, next()), startApp(t, next())
	onA, onB := a.clients("tea"), b.clients("tea")
	ctx := t.Context()
	for range 2 {
		if err := a.server.To("tea").Emit(ctx, "alone", nil); err != nil {
			t.Fatal(err)
		}
		for _, x := range onA {
			x.ExpectMessage("alone")
		}
		if s := a.App.App().Stats().Backplane; s.Up || s.Reason == "" {
			t.Errorf("statistics without the service: %+v", s)
		}
		p.up()
		know(t, a, b)
		for _, n := range []*application{a, b} {
			testkit.Eventually(t, "the connection", func() bool { return n.App.App().Stats().Backplane.Up })
		}
		if err := b.server.To("tea").Emit(ctx, "together", nil); err != nil {
			t.Fatal(err)
		}
		for _, x := range append(onA, onB...) {
			x.ExpectMessage("together")
		}
		p.cut()
		for _, n := range []*application{a, b} {
			testkit.Eventually(t, "the loss is known", func() bool { return !n.App.App().Stats().Backplane.Up })
		}
	}
	p.up()
	for _, n := range []*application{a, b} {
		testkit.Eventually(t, "the reconnect is counted", func() bool { return n.App.App().Stats().Backplane.Reconnects == 2 })
	}
}
