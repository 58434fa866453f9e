package start_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// mailer is optional: its constructor may return nil.
type mailer struct{ sent int }

func (m *mailer) OnModuleInit(context.Context) error { m.sent = 1; return nil }

// fake is a function with a hook.
type fake func()

func (f fake) OnApplicationShutdown(context.Context) error { f(); return nil }

// TestField_X50_NilProviders: Hooks of a provider whose constructor had returned nil were called, and failed the start by
// a nil panic; they are not called, and a warning names the provider. A gateway or controller that is nil is an error.
func TestField_X50_NilProviders(t *testing.T) {
	var log bytes.Buffer
	m := providers(func() *mailer { return nil }, func() fake { return nil }, func() initializer { return nil }, func() *Tank { return nil })
	want(t, start(t, m, app.Logger(slog.New(slog.NewTextHandler(&log, nil)))), "")
	var got []string
	for line := range strings.Lines(log.String()) {
		if _, warning, ok := strings.Cut(line, "level=WARN msg="); ok {
			got = append(got, strings.TrimSpace(warning))
		}
	}
	const text = `"the hooks of a provider are not called: its constructor has returned nil" module=m provider=start_test.TestField_X50_NilProviders.`
	want(t, line.ReplaceAllString(strings.Join(got, "\n"), ".go"),
		text+"func1 place=field/start/habits_test.go type=*start_test.mailer\n"+text+"func2 place=field/start/habits_test.go type=start_test.fake")

	want(t, start(t, providers(websockets.Gateway(func() *lobby { return nil }))),
		"websockets: gateway start_test.TestField_X50_NilProviders.func5 (field/start/habits_test.go) returned nil, so that no client can reach it; return a gateway, or an error")
	want(t, start(t, providers(websockets.Gateway(func() counter { return nil }))),
		"websockets: gateway start_test.TestField_X50_NilProviders.func6 (field/start/habits_test.go) returned nil, so that no client can reach it; return a gateway, or an error")
	want(t, start(t, controllers(web.Controller(func() *site { return nil }))),
		"web: controller start_test.TestField_X50_NilProviders.func7 (field/start/habits_test.go) returned nil; return a controller, or an error")
}

func newTank() *Tank { return &Tank{} }

func newTankOf(int) *Tank { return &Tank{} }

// TestField_X51_Annotate: fx.Annotate caused the hint to provide it with module.Value; the hint names what to write in
// place of each annotation.
func TestField_X51_Annotate(t *testing.T) {
	for _, c := range []struct {
		item       any
		name, hint string
	}{
		{fx.Annotate(newTank), "newTank", "list newTank itself"},
		{fx.Annotate(newTank, fx.As(new(any))), "newTank", "write module.As[I](newTank) in place of fx.As"},
		{
			fx.Annotate(newTankOf, fx.ParamTags(`name:"n"`), fx.ResultTags(`name:"big"`)), "newTankOf",
			`write module.Named("name", newTankOf) in place of fx.ResultTags, and a parameter struct that embeds fx.In in place of fx.ParamTags and fx.From`,
		},
		{
			fx.Annotate(newTank, fx.OnStop(func(context.Context) error { return nil })), "newTank",
			"write the methods OnModuleInit and OnApplicationShutdown in place of fx.OnStart and fx.OnStop",
		},
	} {
		want(t, validated(providers(c.item)), "module m (field/start/main_test.go): argument 1 of module.Providers is fx.Annotate("+c.name+", …), which only fx.Provide accepts\nhint: "+c.hint)
	}
	want(t, validated(providers(fx.Annotated{Name: "n", Target: newTank})),
		"module m (field/start/main_test.go): argument 1 of module.Providers is an fx.Annotated\nhint: write module.Named in place of its Name; for its Group return a struct that embeds fx.Out")
}

// TestField_X51_OtherPlaces: fx.Annotate of a guard, and fx.Private, caused hints that do not work; both say what to write.
func TestField_X51_OtherPlaces(t *testing.T) {
	want(t, validated(providers(newTank, fx.Private)),
		"module m (field/start/main_test.go): argument 2 of module.Providers is an fx.privateOption, which only package fx accepts\n"+
			"hint: remove it; what module.Providers lists is private, and module.Exports lists the rest")
	for _, wrap := range []func() module.Provider{
		func() module.Provider { return module.As[any](fx.Annotate(newTank)) },
		func() module.Provider { return module.Named("n", fx.Annotate(newTank)) },
		func() module.Provider { return websockets.Gateway(fx.Annotate(newTank)) },
		func() module.Provider { return app.Global(fx.Annotate(newTank)) },
	} {
		want(t, validated(providers(wrap())),
			"module m (field/start/main_test.go): argument 1 of module.Providers is fx.Annotate(newTank, …), which only fx.Provide accepts\nhint: list newTank itself")
	}
	want(t, validated(providers(), app.UseGuards(fx.Annotate(newTank))),
		"app: UseGuards (field/start/habits_test.go): guard 1 has type fx.annotated, which only package fx accepts; pass the constructor itself")
}

func newTankAndCleanup() (*Tank, func(), error) { return &Tank{}, func() {}, nil }

// TestField_X51_Cleanup: The cleanup function of a constructor in the style of wire was a provider of func() and never
// called; it is an error of app.Validate, with the hook to write. A constructor may still return a function alone.
func TestField_X51_Cleanup(t *testing.T) {
	want(t, validated(providers(newTankAndCleanup)),
		"module m (field/start/main_test.go): newTankAndCleanup (field/start/habits_test.go) returns a cleanup function func() (result 2), which is never called\n"+
			"hint: remove the result, and clean up in the method OnApplicationShutdown(context.Context) error of *start_test.Tank")
	want(t, validated(providers(func() (*Tank, func(context.Context) error) { return nil, nil })),
		"module m (field/start/main_test.go): TestField_X51_Cleanup.func1 (field/start/habits_test.go) returns a cleanup function func(context.Context) error (result 2), which is never called\n"+
			"hint: remove the result, and clean up in the method OnApplicationShutdown(context.Context) error of *start_test.Tank")
	want(t, validated(providers(func() (func(), error) { return func() {}, nil }, func() (*Tank, fake) { return nil, nil })), "")
}

type (
	wheel struct{}
	motor struct{}
)

// TestField_X54_MutualModules: The hint for a module that needs a type of a module which imports it was to import that,
// which Go refuses as an initialization cycle; the hint names what Go allows. Other imports are suggested as before.
func TestField_X54_MutualModules(t *testing.T) {
	newMotor := func() *motor { return &motor{} }
	for name, list := range map[string]func(...any) module.Option{"exports": module.Exports, "provides": module.Providers} {
		inner := module.New("inner", module.Exports(func(*motor) *wheel { return nil }))
		outer := module.New("outer", module.Imports(module.New("between", module.Imports(inner))), list(newMotor))
		message := "module inner (field/start/habits_test.go): TestField_X54_MutualModules.func2 (field/start/habits_test.go) needs *start_test.motor (parameter 1), which is not available in the module\n"
		const mutual = "It imports module inner, and Go does not initialize two package variables that use each other: " +
			"move TestField_X54_MutualModules.func1 to a module that both import, or add module.Global() to module outer"
		if name == "exports" {
			message += "hint: module outer exports it. " + mutual
		} else {
			message += "hint: module outer provides it privately; move TestField_X54_MutualModules.func1 to module.Exports. " + mutual
		}
		want(t, validated(outer), message)
	}
	inner := module.New("inner", module.Exports(func(*motor) *wheel { return nil }))
	want(t, validated(module.New("outer", module.Global(), module.Imports(inner), module.Exports(newMotor))), "")
	third := module.New("third", module.Exports(newMotor))
	want(t, validated(module.New("outer", module.Imports(third, inner), module.Exports(module.Named("n", newMotor)))),
		"module inner (field/start/habits_test.go): TestField_X54_MutualModules.func3 (field/start/habits_test.go) needs *start_test.motor (parameter 1), which is not available in the module\n"+
			"hint: module third exports it; add module third (field/start/habits_test.go) to module.Imports")
}

// TestField_X53_Addresses: app.HTTP with an empty address listened on a random port of all interfaces; an address without
// a port is an error of app.Validate, and so is an empty one of a gateway.
func TestField_X53_Addresses(t *testing.T) {
	const hint = `: write a port such as ":3000", or "127.0.0.1:0" for a free one`
	for addr, problem := range map[string]string{
		"":                "the address is empty, which would be a random port on all interfaces" + hint,
		":":               "the port is missing, which would be a random one" + hint,
		"localhost":       "must be host:port" + hint,
		":port":           `the port "port" is neither a number from 0 to 65535 nor the name of a service` + hint,
		"127.0.0.1:70000": `the port "70000" is neither a number from 0 to 65535 nor the name of a service` + hint,
	} {
		want(t, validated(providers(), app.HTTP(addr)), `app: HTTP("`+addr+`") (field/start/habits_test.go): `+problem)
	}
	for _, addr := range []string{":0", "127.0.0.1:0", "[::1]:3000", "localhost:8080", ":http"} {
		want(t, validated(providers(), app.HTTP(addr)), "")
	}
	want(t, validated(providers(websockets.Gateway(newLobby, websockets.Addr("")))),
		`websockets: gateway start_test.newLobby (field/start/gateways_test.go): Addr(""): must be an address, such as "127.0.0.1:3001"; remove it to use the application's HTTP server`)
}
