package module_test

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

type (
	Clock   struct{ now string }
	Store   interface{ Save(string) string }
	Memory  struct{ clock *Clock }
	Service struct{ store Store }
)

func NewClock() *Clock                 { return &Clock{"noon"} }
func NewMemory(c *Clock) *Memory       { return &Memory{c} }
func (m *Memory) Save(s string) string { return s + " saved at " + m.clock.now }
func NewService(s Store) *Service      { return &Service{s} }

func Example() {
	store := module.New("store",
		module.Providers(NewClock),                  // private to the module
		module.Exports(module.As[Store](NewMemory)), // importers see Store
	)
	root := module.New("app",
		module.Imports(store),
		module.Providers(NewService),
	)

	graph, err := module.Resolve(root)
	if err != nil {
		fmt.Println(err)
		return
	}
	app := fx.New(graph.Fx(), fx.NopLogger)
	if err := app.Err(); err != nil {
		fmt.Println(err)
		return
	}
	for inst := range graph.Instances() {
		fmt.Println(inst.Module.Name(), inst.Name)
	}
	for _, s := range module.Find[*Service](graph) {
		fmt.Println(s.store.Save("hello"))
	}
	// Output:
	// store module_test.NewClock
	// store module_test.NewMemory
	// app module_test.NewService
	// hello saved at noon
}

// Resolve reports wiring errors before any constructor runs.
func ExampleResolve_error() {
	store := module.New("store", module.Providers(module.As[Store](NewMemory), NewClock))
	root := module.New("app", module.Imports(store), module.Providers(NewService))

	_, err := module.Resolve(root)
	fmt.Println(err)
	// Output:
	// module app (module/example_test.go:61): NewService (module/example_test.go:23) needs module_test.Store (parameter 1), which is not available in the module
	// hint: module store provides it privately; move NewMemory to module.Exports
}

type jobMark struct{ every time.Duration }

// Job marks a constructor as a periodic job.
func Job(ctor any, every time.Duration) module.Provider {
	return module.Mark(ctor, jobMark{every})
}

type Cleaner struct{}

func NewCleaner() *Cleaner                 { return &Cleaner{} }
func (*Cleaner) Run(context.Context) error { return nil }

func ExampleMarked() {
	root := module.New("app", module.Controllers(Job(NewCleaner, time.Minute)))
	graph, err := module.Resolve(root)
	if err != nil {
		fmt.Println(err)
		return
	}
	fx.New(graph.Fx(), fx.NopLogger)
	for inst, job := range module.Marked[jobMark](graph) {
		fmt.Printf("%s runs %T every %s\n", inst.Name, inst.Value, job.every)
	}
	// Output:
	// module_test.NewCleaner runs *module_test.Cleaner every 1m0s
}

func ExampleOverride() {
	store := module.New("store", module.Providers(NewClock), module.Exports(module.As[Store](NewMemory)))
	root := module.New("app", module.Imports(store), module.Providers(NewService))

	graph, err := module.Resolve(root, module.Override[Store](&Memory{&Clock{"midnight"}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fx.New(graph.Fx(), fx.NopLogger)
	for _, s := range module.Find[*Service](graph) {
		fmt.Println(s.store.Save("hello"))
	}
	// Output:
	// hello saved at midnight
}
