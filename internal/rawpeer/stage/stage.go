// Package stage provides the server for fault tests: one gateway, on any platform, that
// counts connects and disconnects.
//
//	s := stage.New(t, ws.New())                       // at /, or with websockets.Path
//	s := stage.New(t, socketio.New(), stage.Limits(websockets.Limits{…}))
//	rawpeer.Echo(t, rawpeer.NewEngine(t, s.Addr).Poll(), "hi")
//	s.WantGone(1)                                     // one has disconnected, none is left
package stage

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Stage is a running application with one gateway.
type Stage struct {
	// Addr is the host and port of the HTTP server.
	Addr string
	// App is the application.
	App *apptest.App
	// Server is the gateway's server.
	Server *websockets.Server
	// Log has the application's log, from level debug.
	Log *testkit.Log

	t testing.TB

	mu       sync.Mutex
	connects int
	reasons  []websockets.Reason
	clients  map[string]bool // by id: whether HandleDisconnect has run
	events   int
	twice    []string
}

// Option configures [New].
type Option func(*config)

type config struct {
	gateway []websockets.Option
	app     []app.Option
	tls     bool
	onOpen  func(context.Context, websockets.Client) error
	subs    []websockets.Subscription
}

// Gateway adds gateway options.
func Gateway(opts ...websockets.Option) Option {
	return func(c *config) { c.gateway = append(c.gateway, opts...) }
}

// App adds application options.
func App(opts ...app.Option) Option { return func(c *config) { c.app = append(c.app, opts...) } }

// Limits sets the gateway's limits.
func Limits(l websockets.Limits) Option { return Gateway(websockets.WithLimits(l)) }

// TLS also serves the application with TLS, at Addr. The certificate is untrusted: use
// rawpeer.WithTLS(&tls.Config{InsecureSkipVerify: true}).
func TLS() Option { return func(c *config) { c.tls = true } }

// OnConnect sets a function that HandleConnection calls.
func OnConnect(f func(context.Context, websockets.Client) error) Option {
	return func(c *config) { c.onOpen = f }
}

// Handle adds handlers. The gateway already has "echo", which answers with its string,
// "count", which answers with the number of handled events, and "noop".
func Handle(subs ...websockets.Subscription) Option {
	return func(c *config) { c.subs = append(c.subs, subs...) }
}

// New starts an application on a free port and stops it when the test ends.
func New(t testing.TB, adapter adapter.Adapter, opts ...Option) *Stage {
	t.Helper()
	var c config
	for _, o := range opts {
		o(&c)
	}
	s := &Stage{t: t, clients: map[string]bool{}, Log: &testkit.Log{}}
	g := &gateway{stage: s, config: c}
	s.App = apptest.New(t,
		module.New("stage", module.Exports(websockets.Gateway(func() *gateway { return g }, c.gateway...))),
		apptest.With(append([]app.Option{app.WebSockets(adapter), app.Logger(s.Log.Logger(slog.LevelDebug))}, c.app...)...))
	s.Addr = strings.TrimPrefix(s.App.URL(), "http://")
	if c.tls {
		srv := httptest.NewTLSServer(s.App.App().Handler())
		t.Cleanup(srv.Close)
		s.Addr = strings.TrimPrefix(srv.URL, "https://")
	}
	s.Server = g.Server
	return s
}

// gateway is the gateway under test.
type gateway struct {
	Server *websockets.Server `websockets:"server"`

	stage  *Stage
	config config
}

func (g *gateway) Subscriptions() []websockets.Subscription {
	return append([]websockets.Subscription{
		websockets.On("echo", g.Echo),
		websockets.On("count", g.Count),
		websockets.Listen("noop", g.Noop),
	}, g.config.subs...)
}

func (g *gateway) HandleConnection(ctx context.Context, c websockets.Client) error {
	g.stage.change(func(s *Stage) {
		s.connects++
		s.clients[c.ID()] = false
	})
	if g.config.onOpen != nil {
		return g.config.onOpen(ctx, c)
	}
	return nil
}

func (g *gateway) HandleDisconnect(_ context.Context, c websockets.Client, r websockets.Reason) {
	g.stage.change(func(s *Stage) {
		s.reasons = append(s.reasons, r)
		if s.clients[c.ID()] {
			s.twice = append(s.twice, c.ID())
		}
		s.clients[c.ID()] = true
	})
}

func (g *gateway) Echo(_ context.Context, text string) (string, error) {
	g.stage.change(func(s *Stage) { s.events++ })
	return text, nil
}

func (g *gateway) Count(_ context.Context, _ struct{}) (int, error) { return g.stage.Events(), nil }

func (g *gateway) Noop(context.Context, websockets.Payload) error {
	g.stage.change(func(s *Stage) { s.events++ })
	return nil
}

func (s *Stage) change(f func(*Stage)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// Wait waits until the condition is true. what describes the condition in the failure.
func (s *Stage) Wait(what string, is func() bool) {
	s.t.Helper()
	if !testkit.Within(testkit.Patience, is) {
		s.t.Fatalf("stage: timeout waiting until %s: %d connects, reasons of disconnects: %v; log:\n%s",
			what, s.Connects(), s.Reasons(), s.Log)
	}
}

// Connects returns the number of HandleConnection calls.
func (s *Stage) Connects() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connects
}

// Events returns the number of events that "echo" and "noop" have handled.
func (s *Stage) Events() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// Reasons returns the reasons of all disconnects, in order.
func (s *Stage) Reasons() []websockets.Reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]websockets.Reason(nil), s.reasons...)
}

// WantReasons waits until at least n clients have disconnected, and returns their
// reasons in order. Others may be connected.
func (s *Stage) WantReasons(n int) []websockets.Reason {
	s.t.Helper()
	s.Wait(fmt.Sprintf("%d clients have disconnected", n), func() bool { return len(s.Reasons()) >= n })
	return s.Reasons()
}

// WantGone waits until at least n clients have disconnected and none is connected,
// checks that HandleDisconnect has run once for each, and returns the reasons in order.
func (s *Stage) WantGone(n int) []websockets.Reason {
	s.t.Helper()
	var connects int
	var reasons []websockets.Reason
	var twice []string
	s.Wait("all clients have disconnected", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		// What is checked is of the same moment: a client that was cut may still connect later.
		connects, reasons, twice = s.connects, slices.Clone(s.reasons), slices.Clone(s.twice)
		return len(reasons) >= n && len(reasons) >= connects && s.Server.Local().Len() == 0
	})
	if len(reasons) != connects || len(twice) > 0 {
		s.t.Errorf("stage: %d connects, but HandleDisconnect ran %d times, more than once for %v", connects, len(reasons), twice)
	}
	return reasons
}
