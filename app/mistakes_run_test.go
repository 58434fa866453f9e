package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// journalHandler keeps the messages of warnings and errors, with their attributes.
type journalHandler struct {
	slog.Handler

	mu    *sync.Mutex
	lines *[]string
}

func newJournalHandler() journalHandler {
	return journalHandler{slog.DiscardHandler, &sync.Mutex{}, &[]string{}}
}

func (journalHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (h journalHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h journalHandler) WithGroup(string) slog.Handler { return h }

func (h journalHandler) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	for a := range r.Attrs {
		line += " " + a.String()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	*h.lines = append(*h.lines, line)
	return nil
}

func (h journalHandler) got() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return lineNumber.ReplaceAllString(strings.Join(*h.lines, "\n"), "_test.go")
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What clients do wrong is answered, and the log says what to write where the client sees too little.
func TestMistakesOfClients(t *testing.T) {
	for name, platform := range map[string]app.Option{"ws": app.WebSockets(ws.New()), "socketio": app.WebSockets(socketio.New())} {
		t.Run(name, func(t *testing.T) {
			log := newJournalHandler()
			a := apptest.New(t, provide(websockets.Gateway(newChat)), apptest.With(platform, app.Logger(slog.New(log))))
			dial := func(opts ...apptest.DialOption) (*apptest.Client, error) {
				if name == "ws" {
					return apptest.TryDialWS(t, a.URL()+"/", opts...)
				}
				return apptest.TryDialSocketIO(t, a.URL(), opts...)
			}
			_, err := dial(apptest.WithHeader(http.Header{"Origin": {"https://shop.example"}}))
			if err == nil || !strings.Contains(err.Error(), "403") {
				t.Errorf("foreign origin: %v", err)
			}
			host := strings.TrimPrefix(a.URL(), "http://")
			wantText(t, log.got(), "a page of another origin is refused: allow it with websockets.Origins origin=https://shop.example host="+host+" refused=1")

			c, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			c.Emit("jion", "lobby") // without an ack
			failure := c.CallError("jion", "lobby")
			if failure.Code != websockets.CodeUnknownEvent || failure.Message != "Unknown event" {
				t.Errorf("event typo: %+v", failure)
			}
			wantText(t, strings.Join(strings.Split(log.got(), "\n")[1:], "\n"),
				"no gateway of the endpoint handles an event: correct its name, or add it to Subscriptions; further ones are logged at debug event=jion handled=join")

			failure = c.CallError("join", 7)
			wantText(t, failure.Code+" "+failure.Message, "bad_payload Bad payload: the payload must be a string, not a number")
			c.Close()
		})
	}
}

// early emits in its constructor.
type early struct {
	chatGateway

	err error
}

func newEarly() *early {
	g := &early{}
	g.err = g.Server.Emit(context.Background(), "hello", 1)
	return g
}

func TestMistakeEmitInAConstructor(t *testing.T) {
	a := apptest.New(t, provide(websockets.Gateway(newEarly)), apptest.With(app.WebSockets(ws.New())))
	wantText(t, apptest.Get[*early](a).err.Error(), "websockets: the server is not set: tag the field with `websockets:\"server\"`, and use it from AfterInit on")
}

// sleeper has a handler that does not return.
type sleeper struct{ started, release chan struct{} }

func (s *sleeper) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("sleep", func(context.Context, string) error {
		close(s.started)
		<-s.release
		return nil
	})}
}

func TestMistakeHandlerStuckAtStop(t *testing.T) {
	log := newJournalHandler()
	s := &sleeper{make(chan struct{}), make(chan struct{})}
	defer close(s.release)
	newSleeper := func() *sleeper { return s }
	a, err := app.New(module.New("shop", module.Providers(websockets.Gateway(newSleeper))), app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()), app.Logger(slog.New(log)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := apptest.DialWS(t, "http://"+a.Addr().String()+"/")
	c.Emit("sleep", "long")
	<-s.started
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err = a.Stop(ctx)
	if !errors.Is(err, app.ErrStuck) {
		t.Error(err)
	}
	const handler = `event "sleep" of gateway app_test.TestMistakeHandlerStuckAtStop.func1 (app/mistakes_run_test.go): 1 client`
	wantText(t, lineNumber.ReplaceAllString(err.Error(), "_test.go"),
		"websockets: stop: handlers of 1 clients did not finish in time ("+handler+"): return when the context of the handler ends: context deadline exceeded\n"+
			"websockets: stop: "+handler+" is stuck: it has not returned, and the application does not wait for it any longer")
	wantText(t, log.got(), "handler is stuck: the stop no longer waits for it handler="+handler)
}
