package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// What both ends import.
var (
	Order   = websockets.NewRequest[string, int]("order")
	Ready   = websockets.NewEvent[string]("ready")
	Step    = websockets.NewEvent[string]("step")
	Cook    = websockets.NewStream[string]("cook", Step)
	Serve   = websockets.NewCall[string, bool]("serve")
	errSold = &websockets.Error{Message: "Sold out", Code: "sold_out"}
)

// bar is the gateway of the examples.
type bar struct{}

func (bar) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		Order.On(func(ctx context.Context, what string) (int, error) {
			if what != "tea" {
				return 0, errSold
			}
			return 7, Ready.Emit(ctx, websockets.ClientFrom(ctx), what)
		}),
		Cook.On(func(_ context.Context, what string) iter.Seq2[websockets.Response[string], error] {
			return func(yield func(websockets.Response[string], error) bool) {
				_ = yield(Step.Response("boil "+what), nil) && yield(Step.Response("pour "+what), nil)
			}
		}),
		websockets.Listen("ask", func(ctx context.Context, what string) error {
			_, err := Serve.Call(ctx, websockets.ClientFrom(ctx), what)
			return err
		}),
	}
}

// openBar starts an application with the gateway, and returns its URL.
func openBar() (url string, shut func()) {
	a, err := app.New(module.New("bar", module.Providers(websockets.Gateway(func() bar { return bar{} }, websockets.Path("/bar")))),
		app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()), app.Logger(slog.New(slog.DiscardHandler)))
	if err == nil {
		err = a.Start(context.Background())
	}
	if err != nil {
		panic(err)
	}
	return a.URL() + "/bar", func() { _ = a.Stop(context.Background()) }
}

func ExampleDial() {
	url, shut := openBar()
	defer shut()
	ctx := context.Background()

	conn, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close(ctx)
	number, err := Order.Call(ctx, conn, "tea")
	fmt.Println(number, err)
	_, err = Order.Call(ctx, conn, "cake")
	if e, ok := errors.AsType[*websockets.Error](err); ok {
		fmt.Println(e.Code)
	}
	for step, err := range Cook.Of(ctx, conn, "tea") {
		fmt.Println(step, err)
	}
	// Output:
	// 7 <nil>
	// sold_out
	// boil tea <nil>
	// pour tea <nil>
}

func ExampleOn() {
	url, shut := openBar()
	defer shut()
	ctx := context.Background()

	conn, err := client.New(url, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close(ctx)
	ready := make(chan string)
	client.On(conn, Ready, func(_ context.Context, what string) error { ready <- what; return nil })
	if err := conn.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if err := conn.Emit(ctx, "order", "tea"); err != nil { // without an answer
		fmt.Println(err)
	}
	fmt.Println(<-ready)
	// Output: tea
}

func ExampleAnswer() {
	url, shut := openBar()
	defer shut()
	ctx := context.Background()

	conn, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close(ctx)
	client.Answer(conn, Serve, func(_ context.Context, what string) (bool, error) {
		fmt.Println("serve", what)
		return true, nil
	})
	_, err = conn.Call(ctx, "ask", "tea") // the server answers when it has its own answer
	fmt.Println(err)
	// Output:
	// serve tea
	// <nil>
}

func ExampleOptions() {
	o := client.Options{
		Params:    map[string]string{"room": "tea"},
		Token:     func(context.Context) (string, error) { return "from a token service", nil },
		OnConnect: func(ctx context.Context, c *client.Conn) error { _, err := Order.Call(ctx, c, "tea"); return err },
		OnState:   func(s client.State, err error) { slog.Info("chat", "state", s, "error", err) },
	}
	if _, err := client.New("wss://chat.example.com/rooms/{name}", o); err != nil {
		fmt.Println(err)
	}
	// Output: client: the URL has {name}, and Options.Params has no "name": set it
}
