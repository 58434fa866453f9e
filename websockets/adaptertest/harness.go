package adaptertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// patience bounds every wait for what should happen at once.
const patience = 10 * time.Second

// gate is a gateway whose behaviour is the test's. A hook that is nil does nothing.
type gate struct {
	Server websockets.Server `websockets:"server"`

	opts    []websockets.Option // fixed at registration
	late    func() []websockets.Option
	subs    []websockets.Subscription
	onInit  func(ctx context.Context, s websockets.Server) error
	module  func() // OnModuleInit
	destroy func() // OnModuleDestroy
	connect func(ctx context.Context, c websockets.Client) error
	leave   func(ctx context.Context, c websockets.Client, r websockets.Reason)
}

// gateOf is a gateway that has nothing but handlers.
func gateOf(subs ...websockets.Subscription) *gate { return &gate{subs: subs} }

func (g *gate) Subscriptions() []websockets.Subscription { return g.subs }

func (g *gate) GatewayOptions() []websockets.Option {
	if g.late == nil {
		return nil
	}
	return g.late()
}

func (g *gate) AfterInit(ctx context.Context, s websockets.Server) error {
	if g.onInit == nil {
		return nil
	}
	return g.onInit(ctx, s)
}

func (g *gate) OnModuleInit(context.Context) error {
	if g.module != nil {
		g.module()
	}
	return nil
}

func (g *gate) OnModuleDestroy(context.Context) error {
	if g.destroy != nil {
		g.destroy()
	}
	return nil
}

func (g *gate) HandleConnection(ctx context.Context, c websockets.Client) error {
	if g.connect == nil {
		return nil
	}
	return g.connect(ctx, c)
}

func (g *gate) HandleDisconnect(ctx context.Context, c websockets.Client, r websockets.Reason) {
	if g.leave != nil {
		g.leave(ctx, c, r)
	}
}

// suite is the adapter under test.
type suite struct {
	cfg    Config
	traits websockets.Traits
}

// at puts a gateway at a place of the name, and place is what to dial for it.
func (s *suite) at(name string) websockets.Option {
	if s.traits.Namespaces {
		return websockets.Namespace(name)
	}
	return websockets.Path("/" + name)
}

func (*suite) place(name string) string { return "/" + name }

// root is where a gateway without a place is.
func (s *suite) root() string {
	if s.traits.Namespaces {
		return "/"
	}
	return s.traits.DefaultPath
}

// modules puts each gateway into a module of its own, in this order.
func modules(gates ...*gate) *module.Module {
	var all []*module.Module
	for _, g := range gates {
		all = append(all, module.New("part", module.Providers(
			websockets.Gateway(func() *gate { return g }, g.opts...))))
	}
	return module.New("root", module.Imports(all...))
}

// start runs an application with these gateways.
func (s *suite) start(t *testing.T, gates ...*gate) *apptest.App {
	t.Helper()
	return s.startWith(t, gates)
}

func (s *suite) startWith(t *testing.T, gates []*gate, opts ...app.Option) *apptest.App {
	t.Helper()
	return apptest.New(t, modules(gates...), apptest.With(append([]app.Option{app.WebSockets(s.cfg.New())}, opts...)...))
}

// dial connects a client to the place of gateways that have none.
func (s *suite) dial(t *testing.T, a *apptest.App, opts ...apptest.DialOption) *apptest.Client {
	t.Helper()
	return s.dialAt(t, a, s.root(), opts...)
}

func (s *suite) dialAt(t *testing.T, a *apptest.App, place string, opts ...apptest.DialOption) *apptest.Client {
	t.Helper()
	c, err := s.cfg.Dial(t, a.URL(), place, opts...)
	if err != nil {
		t.Fatalf("dial %s: %v", place, err)
	}
	return c
}

// refused connects a client that must not be let in.
func (s *suite) refused(t *testing.T, a *apptest.App, place string) *apptest.DialError {
	t.Helper()
	_, err := s.cfg.Dial(t, a.URL(), place)
	if err == nil {
		t.Fatalf("dial %s: let in, want a refusal", place)
	}
	refusal, ok := errors.AsType[*apptest.DialError](err)
	if !ok {
		t.Fatalf("dial %s: %v, want an *apptest.DialError", place, err)
	}
	return refusal
}

// solo starts an application with one gateway and connects one client.
func (s *suite) solo(t *testing.T, g *gate) (*apptest.App, *apptest.Client) {
	t.Helper()
	a := s.start(t, g)
	return a, s.dial(t, a)
}

// boot gives the error of an application that must not start.
func (s *suite) boot(t *testing.T, root *module.Module, opts ...app.Option) error {
	t.Helper()
	opts = append([]app.Option{app.Logger(slog.New(slog.DiscardHandler)), app.WebSockets(s.cfg.New())}, opts...)
	a, err := app.New(root, opts...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.Start(ctx); err != nil {
		return err
	}
	_ = a.Stop(ctx)
	t.Fatal("the application has started, want an error")
	return nil
}

// stop ends the application within the test.
func stop(t *testing.T, a *apptest.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.App().Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// get waits for the next value.
func get[T any](t *testing.T, ch <-chan T, what string) (v T) {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case v = <-ch:
	case <-timeout.C:
		t.Fatalf("%s: nothing within %v", what, patience)
	}
	return v
}

// await waits on the side of the application, where the test cannot be failed.
func await(ctx context.Context, ch <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// trail is what happened, in order.
type trail struct {
	mu    sync.Mutex
	steps []string
	more  chan struct{}
}

func newTrail() *trail { return &trail{more: make(chan struct{})} }

func (tr *trail) add(step string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.steps = append(tr.steps, step)
	close(tr.more)
	tr.more = make(chan struct{})
}

// want waits until as many steps have happened, and compares all of them.
func (tr *trail) want(t *testing.T, steps ...string) {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		tr.mu.Lock()
		got, more := slices.Clone(tr.steps), tr.more
		tr.mu.Unlock()
		if len(got) >= len(steps) {
			if !slices.Equal(got, steps) {
				t.Errorf("happened: %q, want %q", got, steps)
			}
			return
		}
		select {
		case <-more:
		case <-timeout.C:
			t.Fatalf("happened within %v: %q, want %q", patience, got, steps)
		}
	}
}

// journal takes the application's log for reading.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) option() app.Option {
	return app.Logger(slog.New(slog.NewTextHandler(j, nil)))
}

// lines gives the lines that contain all the words.
func (j *journal) lines(words ...string) (found []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
next:
	for line := range strings.Lines(j.buf.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// echo answers with what it was sent.
func echo() websockets.Subscription {
	return websockets.On("echo", func(_ context.Context, v json.RawMessage) (json.RawMessage, error) { return v, nil })
}

// alive checks that a client is served as ever.
func alive(t *testing.T, c *apptest.Client) {
	t.Helper()
	if got := apptest.Call[string](c, "echo", "still here"); got != "still here" {
		t.Errorf("echo answers %q", got)
	}
}

// has checks for words in a text.
func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
}
