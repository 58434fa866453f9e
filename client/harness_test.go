package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type (
	// Note has binary in it.
	Note struct {
		Text string `json:"text"`
		Blob []byte `json:"blob"`
	}
	// Range is counted: without To it goes on until it is cancelled.
	Range struct {
		From int `json:"from"`
		To   int `json:"to"`
	}
	none = struct{}
)

// The descriptors of both ends.
var (
	Echo   = websockets.NewRequest[Note, Note]("echo")
	Fail   = websockets.NewRequest[string, string]("fail")
	Mix    = websockets.NewRequest[websockets.Args2[string, int], websockets.Args2[int, string]]("mix")
	Room   = websockets.NewRequest[none, string]("room")
	Once   = websockets.NewRequest[int, int]("once")
	Ask    = websockets.NewRequest[string, bool]("ask")
	Hang   = websockets.NewRequest[none, none]("hang")
	Kick   = websockets.NewRequest[int, none]("kick")
	Burst  = websockets.NewRequest[int, none]("burst")
	Poke   = websockets.NewEvent[string]("poke")
	Mark   = websockets.NewEvent[int]("mark")
	Poked  = websockets.NewEvent[string]("poked")
	Number = websockets.NewEvent[int]("number")
	Tick   = websockets.NewEvent[int]("tick")
	Tock   = websockets.NewEvent[Note]("tock")
	Count  = websockets.NewStream[Range]("count", Tick)
	Notes  = websockets.NewStream[int]("notes", Tock)

	Confirm = websockets.NewCall[string, bool]("confirm")

	errBurnt = &websockets.Error{Message: "The soup is burnt", Code: "burnt", Details: map[string]int{"minutes": 9}}
)

// kitchen is the gateway of the tests.
type kitchen struct {
	Server *websockets.Server `websockets:"server"`

	once     func(n int) int      // handles a number, and returns how often it was handled
	times    func(n int) int      // returns how often it was handled
	enters   func(subject string) // is called for each client of the vault; may be nil
	stopping chan struct{}
	hanging  chan bool // receives when hang starts
	ends     chan end  // of streams, and of hang
}

// end is how a handler's context has ended.
type end struct {
	cause error
	at    time.Time
}

func newKitchen() *kitchen {
	k := &kitchen{stopping: make(chan struct{}), hanging: make(chan bool, 1000), ends: make(chan end, 1000)}
	var mu sync.Mutex
	handled := map[int]int{}
	k.once = func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		handled[n]++
		return handled[n]
	}
	k.times = func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return handled[n]
	}
	return k
}

// OnModuleDestroy ends the handlers that wait: a stop waits for them.
func (k *kitchen) OnModuleDestroy(context.Context) error {
	close(k.stopping)
	return nil
}

func (k *kitchen) HandleConnection(_ context.Context, c websockets.Client) error {
	if c.Request().URL.Query().Get("refuse") != "" {
		return errBurnt
	}
	return Poked.Emit(context.Background(), c, "welcome")
}

func (k *kitchen) Subscriptions() []websockets.Subscription {
	background := websockets.Background(100)
	return []websockets.Subscription{
		Echo.On(func(_ context.Context, n Note) (Note, error) { return n, nil }),
		Fail.On(k.fail, websockets.Errors(errBurnt)),
		Mix.On(func(_ context.Context, in websockets.Args2[string, int]) (websockets.Args2[int, string], error) {
			return websockets.NewArgs2(in.Second, in.First), nil
		}),
		Room.On(func(ctx context.Context, _ none) (string, error) {
			return websockets.ClientFrom(ctx).Request().PathValue("room"), nil
		}),
		Once.On(func(_ context.Context, n int) (int, error) { return k.once(n), nil }, background),
		Ask.On(func(ctx context.Context, q string) (bool, error) {
			return Confirm.Call(ctx, websockets.ClientFrom(ctx), q)
		}, background),
		Hang.On(k.hang, background),
		Kick.On(func(ctx context.Context, code int) (none, error) {
			websockets.ClientFrom(ctx).Close(code, "out")
			return none{}, nil
		}),
		Burst.On(func(ctx context.Context, n int) (none, error) {
			for i := range n {
				if err := Number.Emit(ctx, websockets.ClientFrom(ctx), i); err != nil {
					return none{}, err
				}
			}
			return none{}, nil
		}),
		Mark.On(func(_ context.Context, n int) error { k.once(n); return nil }),
		Poke.On(func(ctx context.Context, s string) error {
			if s == "wrong" {
				return errBurnt
			}
			return Poked.Emit(ctx, websockets.ClientFrom(ctx), s)
		}),
		Count.On(k.count, background),
		Notes.On(k.notes, background),
	}
}

// hang never answers in time.
func (k *kitchen) hang(ctx context.Context, _ none) (none, error) {
	k.hanging <- true
	select {
	case <-ctx.Done():
		k.ends <- end{context.Cause(ctx), time.Now()}
	case <-k.stopping:
	}
	return none{}, nil
}

func (*kitchen) fail(_ context.Context, how string) (string, error) {
	switch how {
	case "burnt":
		return "", errBurnt
	case "masked":
		return "", errors.New("secret")
	}
	return how, nil
}

func (k *kitchen) count(ctx context.Context, r Range) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		defer func() { k.ends <- end{context.Cause(ctx), time.Now()} }()
		for i := r.From; i < max(r.To, r.From+3); i++ {
			if !yield(websockets.Response[int]{Data: i}, nil) {
				return
			}
		}
		if r.To == 0 {
			select {
			case <-ctx.Done():
			case <-k.stopping:
			}
		}
	}
}

func (*kitchen) notes(_ context.Context, n int) iter.Seq2[websockets.Response[Note], error] {
	return func(yield func(websockets.Response[Note], error) bool) {
		for i := range n {
			if !yield(Tock.Response(Note{Text: fmt.Sprint(i), Blob: []byte{byte(i)}}), nil) {
				return
			}
		}
		yield(websockets.Response[Note]{}, errBurnt)
	}
}

// moduleOf returns the application of a kitchen. Its paths are /kitchen/{room} and /vault, where a guard wants a token.
func moduleOf(k *kitchen) *module.Module {
	return module.New("kitchen", module.Providers(
		websockets.Gateway(func() *kitchen { return k },
			websockets.Via(ws.New(), websockets.Path("/kitchen/{room}")),
			websockets.Emits(Poked, Number, Confirm)),
		websockets.Gateway(newVault,
			websockets.Via(ws.New(), websockets.Path("/vault"), ws.Options{Subprotocols: []string{"bearer"}}),
			websockets.UseGuards(pipeline.Injected[*guard]())),
		newGuard,
	))
}

// serve starts the application at an address.
func serve(t testing.TB, k *kitchen, addr string, opts ...app.Option) *app.App {
	t.Helper()
	a, err := app.New(moduleOf(k), append(opts, app.HTTP(addr), app.Logger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func stop(t testing.TB, a *app.App) {
	t.Helper()
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// started serves a kitchen until the end of the test, and returns the URL of one of its rooms.
func started(t testing.TB) (*kitchen, string) {
	t.Helper()
	k := newKitchen()
	a := serve(t, k, "127.0.0.1:0")
	t.Cleanup(func() { stop(t, a) })
	return k, a.URL() + "/kitchen/tea"
}

// discard has no log.
var discard = slog.New(slog.DiscardHandler)

// dial connects until the end of the test.
func dial(t testing.TB, url string, o client.Options) *client.Conn {
	t.Helper()
	c := prepare(t, url, o)
	connect(t, c)
	return c
}

// prepare returns a Conn that is closed at the end of the test.
func prepare(t testing.TB, url string, o client.Options) *client.Conn {
	t.Helper()
	if o.Logger == nil {
		o.Logger = discard
	}
	c, err := client.New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = c.Close(ctx)
	})
	return c
}

func connect(t testing.TB, c *client.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
}

// call is a call that must succeed.
func call[In, Out any](t testing.TB, c *client.Conn, r websockets.Request[In, Out], in In) Out {
	t.Helper()
	out, err := r.Call(t.Context(), c, in)
	if err != nil {
		t.Fatalf("%s: %v", r.Name(), err)
	}
	return out
}

// isOf reports which of the errors err is.
func wantErrors(t testing.TB, err error, is ...error) {
	t.Helper()
	all := []error{
		client.ErrUnanswered, client.ErrDisconnected, client.ErrClosed, client.ErrQueueFull, client.ErrTooSlow, client.ErrNoToken,
		context.Canceled, context.DeadlineExceeded, websockets.ErrClosed, websockets.ErrQueueFull,
	}
	for _, e := range all {
		want := false
		for _, i := range is {
			want = want || errors.Is(i, e)
		}
		if errors.Is(err, e) != want {
			t.Errorf("%v: is %q: %v, want %v", err, e, !want, want)
		}
	}
}

var eventually = testkit.Eventually
