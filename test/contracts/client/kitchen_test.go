package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// What the kitchen sends.
var (
	poked     = websockets.NewEvent[string]("poked")
	asked     = websockets.NewEvent[bool]("asked")
	pair      = websockets.NewEvent[websockets.Args2[string, int]]("pair")
	tick      = websockets.NewEvent[int]("tick")
	tock      = websockets.NewEvent[Note]("tock")
	confirm   = websockets.NewCall[Question, bool]("confirm")
	errBurnt  = &websockets.Error{Message: "The soup is burnt", Code: "burnt", Details: map[string]int{"minutes": 9}}
	errCold   = &websockets.Error{Message: "The soup is cold", Code: "cold"}
	errSecret = &websockets.Error{Message: "Not listed", Code: "secret"}
)

type (
	// Note has binary in it.
	Note struct {
		Text string `json:"text"`
		Blob []byte `json:"blob"`
	}
	// Question is asked by the kitchen.
	Question struct {
		Text string `json:"text"`
	}
	// Range is counted.
	Range struct {
		From int `json:"from"`
		To   int `json:"to"`
	}
	// Claims are of a token.
	Claims struct{ jwt.RegisteredClaims }
)

// record is what a kitchen has seen, over its restarts.
type record struct {
	mu      sync.Mutex
	handled map[int]int // how often each number was handled
	causes  chan error  // of streams that have ended
	tokens  atomic.Int32
	page    string   // the file of the page's script
	file    *os.File // has the numbers too, of an application that is a process; may be nil
	server  atomic.Pointer[websockets.Server]
}

func newRecord() *record { return &record{handled: map[int]int{}, causes: make(chan error, 100)} }

// once returns how often a number was handled.
func (r *record) once(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handled[n]++
	if r.file != nil {
		_, _ = fmt.Fprintln(r.file, n)
	}
	return r.handled[n]
}

// moduleOf returns the application.
func moduleOf(r *record) *module.Module {
	sio := socketio.New(socketio.Options{TraceArgument: socketio.On})
	return module.New("kitchen",
		module.Providers(
			func() *record { return r }, newGuard,
			websockets.Gateway(newKitchen,
				websockets.Via(sio, websockets.Namespace("/kitchen/{room}")),
				websockets.Via(ws.New(), websockets.Path("/ws/kitchen/{room}"), ws.Options{Recovery: &ws.Recovery{}}),
				websockets.Emits(poked, asked, pair, confirm)),
			websockets.Gateway(newVault,
				websockets.Via(sio, websockets.Namespace("/vault")),
				websockets.Via(ws.New(), websockets.Path("/ws/vault"), ws.Options{Subprotocols: []string{"bearer"}, ExplainRefusals: ws.On}),
				websockets.UseGuards(pipeline.WithSchemes(pipeline.Injected[*guard](), jwtauth.Schemes(sources...)...)), websockets.Emits(jwtauth.TokenExpiring)),
		),
		module.Controllers(newController))
}

// kitchen has what the client can call.
type kitchen struct {
	*record

	stopping chan struct{}

	Server *websockets.Server `websockets:"server"`
}

func newKitchen(r *record) *kitchen { return &kitchen{record: r, stopping: make(chan struct{})} }

// AfterInit has the test send events.
func (k *kitchen) AfterInit(_ context.Context, s *websockets.Server) error {
	if k.record != nil {
		k.server.Store(s)
	}
	return nil
}

// OnModuleDestroy ends the handlers that wait: a stop waits for them.
func (k *kitchen) OnModuleDestroy(context.Context) error {
	close(k.stopping)
	return nil
}

// Subscriptions implements [websockets.Subscriber].
func (k *kitchen) Subscriptions() []websockets.Subscription {
	background := websockets.Background(100)
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, n Note) (Note, error) { return n, nil }),
		websockets.On("fail", k.fail, websockets.Errors(errBurnt, errCold)),
		websockets.On("mix", k.mix),
		websockets.On("room", k.room),
		websockets.On("once", func(_ context.Context, n int) (int, error) { return k.once(n), nil }, background),
		websockets.On("ask", k.ask, background),
		websockets.Listen("wait", k.wait, background),
		websockets.Listen("poke", func(ctx context.Context, s string) error { return poked.Emit(ctx, websockets.ClientFrom(ctx), s) }),
		websockets.Listen("kick", func(ctx context.Context, _ struct{}) error { websockets.ClientFrom(ctx).Disconnect(); return nil }),
		websockets.Stream("count", k.count, websockets.Sends(tick), background),
		websockets.Stream("notes", k.notes, websockets.Sends(tock), background),
		websockets.Stream("both", k.both, websockets.Sends(tick, tock), background),
	}
}

// wait never answers in time.
func (k *kitchen) wait(ctx context.Context, _ struct{}) error {
	select {
	case <-ctx.Done():
	case <-k.stopping:
	}
	return nil
}

func (*kitchen) fail(_ context.Context, how string) (string, error) {
	switch how {
	case "burnt":
		return "", errBurnt
	case "cold":
		return "", errCold
	case "secret":
		return "", errSecret
	}
	return how, nil
}

func (*kitchen) mix(ctx context.Context, in websockets.Args2[string, int]) (websockets.Args2[int, string], error) {
	return websockets.NewArgs2(in.Second, in.First), pair.Emit(ctx, websockets.ClientFrom(ctx), in)
}

func (*kitchen) room(ctx context.Context, _ struct{}) (string, error) {
	return websockets.ClientFrom(ctx).Request().PathValue("room"), nil
}

func (*kitchen) ask(ctx context.Context, text string) (bool, error) {
	c := websockets.ClientFrom(ctx)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	yes, err := confirm.Call(ctx, c, Question{text})
	if err != nil {
		return false, err
	}
	return yes, asked.Emit(ctx, c, yes)
}

// count sends numbers. Without an end it waits after the last for the end of its context.
func (k *kitchen) count(ctx context.Context, r Range) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		defer func() { k.causes <- context.Cause(ctx) }()
		for i := r.From; i < max(r.To, r.From+3); i++ {
			if !yield(tick.Response(i), nil) {
				return
			}
		}
		if r.To == 0 {
			<-ctx.Done()
		}
	}
}

func (k *kitchen) notes(_ context.Context, n int) iter.Seq2[websockets.Response[Note], error] {
	return func(yield func(websockets.Response[Note], error) bool) {
		for i := range n {
			if !yield(tock.Response(Note{Text: fmt.Sprint(i), Blob: []byte{byte(i)}}), nil) {
				return
			}
		}
		yield(websockets.Response[Note]{}, errCold)
	}
}

func (*kitchen) both(context.Context, struct{}) iter.Seq2[websockets.Response[any], error] {
	return func(yield func(websockets.Response[any], error) bool) {
		_ = yield(websockets.Respond[any]("tick", 1), nil) && yield(websockets.Respond[any]("tock", Note{Text: "x"}), nil)
	}
}

type guard = jwtauth.Guard[Claims]

var sources = []jwtauth.Source{jwtauth.Subprotocol("bearer"), jwtauth.Auth("token")}

var secret = []byte("32 random bytes, from a vault ...")

// tokenLife is how long a token is valid. The times in tokens are seconds.
const tokenLife = 2 * time.Second

func newGuard() (*guard, error) {
	return jwtauth.New[Claims](jwtauth.Options{
		Method: jwt.SigningMethodHS256, Key: secret,
		Sources: sources,
	})
}

// vault accepts clients with a token.
type vault struct {
	*record

	guard *guard

	Server *websockets.Server `websockets:"server"`
}

func newVault(r *record, g *guard) *vault { return &vault{record: r, guard: g} }

// Subscriptions implements [websockets.Subscriber].
func (v *vault) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("whoami", func(ctx context.Context, _ struct{}) (string, error) {
			claims, _ := v.guard.From(ctx)
			return claims.Subject, nil
		}),
		websockets.On("once", func(_ context.Context, n int) (int, error) { return v.once(n), nil }, websockets.Background(100)),
		v.guard.Refresh("token"),
	}
}

// controller serves tokens, and the page of the browser.
type controller struct{ *record }

func newController(r *record) *controller { return &controller{r} }

// Routes implements [web.Routable].
func (c *controller) Routes(r chi.Router) {
	r.Get("/token", web.JSON(c.token))
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`)
	})
	r.Get("/page.js", func(w http.ResponseWriter, _ *http.Request) {
		text, err := os.ReadFile(c.page)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(text)
	})
}

func (c *controller) token(context.Context, struct{}) (string, error) {
	n := c.tokens.Add(1)
	return jwt.NewWithClaims(jwt.SigningMethodHS256, Claims{jwt.RegisteredClaims{
		Subject: fmt.Sprint("user ", n), ExpiresAt: jwt.NewNumericDate(time.Now().Add(tokenLife)),
	}}).SignedString(secret)
}
