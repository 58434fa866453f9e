package app_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// Settings are what a constructor returns, such as one that reads the environment.
type Settings struct{ Addr, Prefix string }

func NewSettings() *Settings { return &Settings{"127.0.0.1:0", "/api"} }

// Where the application listens comes from an injected value.
func ExampleConfigure() {
	a, err := app.New(module.New("app", module.Providers(NewSettings)), quiet(), app.Configure(func(s *Settings) []app.Option {
		return []app.Option{app.HTTP(s.Addr, web.Prefix(s.Prefix))}
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := a.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.HasPrefix(a.URL(), "http://127.0.0.1:"))
	_ = a.Stop(context.Background())
	// Output: true
}
