package module_test

import (
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

type (
	chicken struct{ egg *egg }
	egg     struct{ nest *nest }
	nest    struct{ c *chicken }
)

func newChicken(e *egg) *chicken  { return &chicken{e} }
func newEgg(_ int, n *nest) *egg  { return &egg{n} }
func newNest(c *chicken) *nest    { return &nest{c} }
func newCoop(c *chicken) []string { return nil }

func TestCycle(t *testing.T) {
	root := module.New("farm", module.Providers(module.Value(1), newCoop, newChicken, newEgg, newNest))
	p := wantProblems(t, `
module farm (cycle_test.go): newChicken (cycle_test.go) is in a cycle of 3 constructors:
	newChicken (cycle_test.go) of module farm needs *module_test.egg (parameter 1) from
	newEgg (cycle_test.go) of module farm needs *module_test.nest (parameter 2) from
	newNest (cycle_test.go) of module farm needs *module_test.chicken (parameter 1) from
	newChicken (cycle_test.go)
hint: break it with a Lazy, for example module.Lazy[*module_test.egg] as parameter 1 of newChicken (cycle_test.go)`, root)
	if p[0].Kind != module.ProblemCycle || p[0].Constructor != "newChicken" {
		t.Errorf("problem %+v", p[0])
	}
}

func TestTwoCycles(t *testing.T) {
	type x struct{}
	root := module.New("root", module.Providers(
		func(*egg) *chicken { return nil }, func(*chicken) *egg { return nil },
		func(*x) *x { return nil }))
	wantProblems(t, `
module root (cycle_test.go): TestTwoCycles.func1 (cycle_test.go) is in a cycle of 2 constructors:
	TestTwoCycles.func1 (cycle_test.go) of module root needs *module_test.egg (parameter 1) from
	TestTwoCycles.func2 (cycle_test.go) of module root needs *module_test.chicken (parameter 1) from
	TestTwoCycles.func1 (cycle_test.go)
hint: break it with a Lazy, for example module.Lazy[*module_test.egg] as parameter 1 of TestTwoCycles.func1 (cycle_test.go)
module root (cycle_test.go): TestTwoCycles.func3 (cycle_test.go) needs *module_test.x (parameter 1), which it provides itself
hint: remove the parameter`, root)
}

func TestCycleAcrossModules(t *testing.T) {
	global := module.New("g", module.Global(), module.Exports(func(*egg) *chicken { return nil }))
	other := module.New("h", module.Global(), module.Exports(func(*chicken) *egg { return nil }))
	wantProblems(t, `
module g (cycle_test.go): TestCycleAcrossModules.func1 (cycle_test.go) is in a cycle of 2 constructors:
	TestCycleAcrossModules.func1 (cycle_test.go) of module g needs *module_test.egg (parameter 1) from
	TestCycleAcrossModules.func2 (cycle_test.go) of module h needs *module_test.chicken (parameter 1) from
	TestCycleAcrossModules.func1 (cycle_test.go)
hint: break it with a Lazy, for example module.Lazy[*module_test.egg] as parameter 1 of TestCycleAcrossModules.func1 (cycle_test.go)`,
		module.New("root", module.Imports(global, other)))
}

func TestCycleThroughGroups(t *testing.T) {
	type in struct {
		fx.In
		All []*egg `group:"eggs"`
	}
	type out struct {
		fx.Out
		Egg *egg `group:"eggs"`
	}
	wantProblems(t, `
module root (cycle_test.go): TestCycleThroughGroups.func1 (cycle_test.go) needs the group "eggs" of *module_test.egg (parameter 1, field All), which it provides itself
hint: remove the parameter`,
		module.New("root", module.Providers(func(in) out { return out{} })))
}

// Modules may depend on each other if their constructors do not.
func TestModulesInterleave(t *testing.T) {
	low := module.New("low", module.Global(), module.Exports(NewC, NewA))
	high := module.New("high", module.Global(), module.Exports(NewB, NewD))
	if got := names(start(t, module.New("root", module.Imports(low, high)))); got != "NewC NewB NewA NewD" {
		t.Errorf("order %s", got)
	}
}
