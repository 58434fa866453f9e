package module_test

import (
	"fmt"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

type Plugin interface{ Name() string }

type Search struct{}

func NewSearch() *Search     { return &Search{} }
func (*Search) Name() string { return "search" }

type Spelling struct{}

func NewSpelling() *Spelling   { return &Spelling{} }
func (*Spelling) Name() string { return "spelling" }

// Every provider that implements an interface, in the order in which they were built.
func ExampleFind() {
	root := module.New("app", module.Imports(
		module.New("search", module.Exports(NewSearch)),
		module.New("spelling", module.Exports(NewSpelling)),
	))
	graph, err := module.Resolve(root)
	if err != nil {
		fmt.Println(err)
		return
	}
	fx.New(graph.Fx(), fx.NopLogger)
	for inst, plugin := range module.Find[Plugin](graph) {
		fmt.Println(inst.Module.Name(), plugin.Name())
	}
	// Output:
	// search search
	// spelling spelling
}

type Settings struct{ Region string }

type Uploads struct{ settings Settings }

func NewUploads(s Settings) *Uploads { return &Uploads{s} }

// A value that exists already, such as the configuration, as a provider.
func ExampleValue() {
	root := module.New("app", module.Providers(
		module.Value(Settings{Region: "eu-north"}),
		NewUploads,
	))
	graph, err := module.Resolve(root)
	if err != nil {
		fmt.Println(err)
		return
	}
	fx.New(graph.Fx(), fx.NopLogger)
	for _, u := range module.Find[*Uploads](graph) {
		fmt.Println(u.settings.Region)
	}
	// Output: eu-north
}
