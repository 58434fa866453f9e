// Package identity_test tests which constructor, which origin check and which option an application uses.
package identity_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Book records which guards an application has created, and which were called.
type Book struct {
	mu    sync.Mutex
	made  []*Guard
	asked map[string][]*Guard // by event or route
}

// Guard allows everything and records its calls.
type Guard struct {
	name string
	book *Book
}

func (b *Book) guard(name string) *Guard {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := &Guard{name, b}
	b.made = append(b.made, g)
	return g
}

// Check implements [pipeline.Guard].
func (g *Guard) Check(_ context.Context, c *pipeline.Call) error {
	if c.Kind == pipeline.KindMessage || c.Kind == pipeline.KindHTTP {
		g.book.mu.Lock()
		defer g.book.mu.Unlock()
		g.book.asked[c.Pattern] = append(g.book.asked[c.Pattern], g)
	}
	return nil
}

// Auth is a type as which a module may export a guard.
type Auth interface {
	Check(context.Context, *pipeline.Call) error
}

// Limit creates guards with a name. Its constructor is a method value.
type Limit struct{ Name string }

// New is a constructor.
func (l Limit) New(b *Book) *Guard { return b.guard(l.Name) }

// NewGuard is a constructor that is a declared function.
func NewGuard(b *Book) *Guard { return b.guard("declared") }

// lobby handles the events a and b.
type lobby struct{}

func newLobby() *lobby { return &lobby{} }

func (*lobby) Subscriptions() []websockets.Subscription {
	answer := func(context.Context, struct{}) (string, error) { return "", nil }
	return []websockets.Subscription{websockets.On("a", answer), websockets.On("b", answer)}
}

// bind binds a constructor of a guard to each of the two events.
func bind(a, b any) module.Provider {
	return websockets.Gateway(newLobby,
		websockets.ForEvent("a", websockets.UseGuards(a)), websockets.ForEvent("b", websockets.UseGuards(b)))
}

func shelf() (module.Option, *Book) {
	b := &Book{asked: map[string][]*Guard{}}
	return module.Providers(module.Value(b)), b
}

// play starts the application, sends both events, and returns the guards called for them, in order, and the number of
// created ones.
func play(t *testing.T, m *module.Module, b *Book, opts ...app.Option) string {
	t.Helper()
	a := apptest.New(t, m, apptest.With(append(opts, app.WebSockets(ws.New()))...))
	c := a.DialWS("/")
	for _, event := range []string{"a", "b"} {
		apptest.Call[string](c, event, struct{}{})
	}
	c.Close()
	return b.report()
}

// report returns the guards called for each event: "a: 1 #0, b: 2 #1; 2 made".
func (b *Book) report() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, event := range slices.Sorted(maps.Keys(b.asked)) {
		var names []string
		for _, g := range b.asked[event] {
			names = append(names, fmt.Sprintf("%s #%d", g.name, slices.Index(b.made, g)))
		}
		out = append(out, event+": "+strings.Join(names, " "))
	}
	return strings.Join(out, ", ") + fmt.Sprintf("; %d made", len(b.made))
}

// refused returns the error of a start that must fail.
func refused(t *testing.T, m *module.Module, opts ...app.Option) string {
	t.Helper()
	a, err := app.New(m, append([]app.Option{app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()), app.Logger(slog.New(slog.DiscardHandler))}, opts...)...)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err = a.Start(ctx); err == nil {
			_ = a.Stop(ctx)
			t.Fatal("the application starts")
		}
	}
	return err.Error()
}

// want compares a result with the expectation of a test.
func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// again is set for tests that this package runs with other build flags.
const again = "GATEHOUSE_IDENTITY_AGAIN"

func inner() bool { return os.Getenv(again) != "" }
