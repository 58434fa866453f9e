package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

type Greeter struct{ greeting string }

func NewGreeter() *Greeter { return &Greeter{"Hello"} }

type GreetController struct{ greeter *Greeter }

func NewGreetController(g *Greeter) *GreetController { return &GreetController{g} }

func (c *GreetController) Routes(r chi.Router) { r.Get("/greet/{name}", web.JSON(c.greet)) }

func (c *GreetController) greet(_ context.Context, in struct {
	Name string `path:"name"`
},
) (string, error) {
	return c.greeter.greeting + ", " + in.Name, nil
}

// OnApplicationBootstrap runs when everything is built, before clients are accepted.
func (*GreetController) OnApplicationBootstrap(context.Context) error {
	fmt.Println("bootstrapped")
	return nil
}

var greetModule = module.New("greet",
	module.Providers(NewGreeter),
	module.Controllers(NewGreetController),
)

// The main function of a program. On SIGINT or SIGTERM the application stops and the
// process exits with status 0, after an error with status 1.
func ExampleMain() {
	app.Main(greetModule, app.HTTP(":3000"))
}

// Run serves until its context is cancelled.
func ExampleApp_Run() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	a, err := app.New(greetModule,
		app.HTTP("127.0.0.1:0"), // a free port
		app.Logger(slog.New(slog.DiscardHandler)),
		app.OnReady(func(a *app.App) {
			defer stop()
			res, err := http.Get("http://" + a.Addr().String() + "/greet/ann")
			if err != nil {
				fmt.Println(err)
				return
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			fmt.Println(res.StatusCode, string(body))
			http.DefaultClient.CloseIdleConnections()
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Run(ctx))
	// Output:
	// bootstrapped
	// 200 "Hello, ann"
	// <nil>
}

// A test that finds wiring errors without building anything.
func ExampleValidate() {
	fmt.Println(app.Validate(greetModule))

	broken := module.New("broken", module.Controllers(NewGreetController))
	fmt.Println(app.Validate(broken) != nil)
	// Output:
	// <nil>
	// true
}

// An application in another server, below a path.
func ExampleMounted() {
	a, err := app.New(greetModule, app.Mounted(), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := a.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = a.Stop(context.Background()) }()

	mux := http.NewServeMux()
	mux.Handle("/apps/greet/", http.StripPrefix("/apps/greet", a.Handler()))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/apps/greet/greet/bob", http.NoBody))
	fmt.Println(w.Code, w.Body)
	// Output:
	// bootstrapped
	// 200 "Hello, bob"
}
