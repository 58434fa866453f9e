package module_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

type (
	clock   struct{ id int }
	mark    struct{ n int }
	job     struct{}
	watcher struct{ c *clock }
)

var clocks int

func newJob() *job { return &job{} }

func newWatcher(c *clock) *watcher { return &watcher{c} }

func marked(t *testing.T, g *module.Graph) map[int]any {
	t.Helper()
	if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil {
		t.Fatal(err)
	}
	found := map[int]any{}
	for inst, m := range module.Marked[mark](g) {
		found[m.n] = inst.Value
	}
	return found
}

func TestAttach(t *testing.T) {
	newClock := func() *clock { clocks++; return &clock{clocks} }
	closure := func() *watcher { return &watcher{} }
	m := module.New("jobs",
		module.Exports(
			module.Attach(newJob, module.Mark(newWatcher, mark{1}), module.Mark(closure, mark{2})),
		),
		module.Providers(
			newClock,
			module.Attach(newSecond, module.Mark(newWatcher, mark{3}), module.Mark(closure, mark{4})),
		),
	)
	g, err := module.Resolve(m, module.AttachToRoot(module.Mark(newWatcher, mark{5})))
	if err != nil {
		t.Fatal(err)
	}
	found := marked(t, g)
	if len(found) != 5 {
		t.Fatalf("found %v", found)
	}
	if found[1] != found[3] || found[1] != found[5] {
		t.Error("a constructor attached several times was called several times")
	}
	if found[2] != found[4] {
		t.Error("a closure attached several times from one variable was called several times")
	}
	if w := found[1].(*watcher); w.c == nil {
		t.Error("the dependency of the attached constructor was not injected")
	}
	var kinds []string
	for d := range g.Declared() {
		kinds = append(kinds, d.Kind.String())
	}
	slices.Sort(kinds)
	if got := strings.Join(slices.Compact(kinds), " "); got != "attached provider" {
		t.Errorf("kinds: %s", got)
	}
}

type second struct{}

func newSecond() *second { return &second{} }

func TestAttachSharesWithProviders(t *testing.T) {
	m := module.New("jobs", module.Providers(
		module.Value(&clock{}), newWatcher, module.Attach(newJob, module.Mark(newWatcher, mark{1})),
	))
	g, err := module.Resolve(m)
	if err != nil {
		t.Fatal(err)
	}
	found := marked(t, g)
	var all []any
	for inst := range g.Instances() {
		if w, ok := inst.Value.(*watcher); ok {
			all = append(all, w)
		}
	}
	if len(all) != 1 || found[1] != all[0] {
		t.Errorf("%d watchers, want only that of the module", len(all))
	}
}

func TestAttachIsPrivate(t *testing.T) {
	m := module.New("jobs",
		module.Exports(module.Attach(newJob, newWatcher)),
		module.Controllers(func(*watcher) *second { return nil }),
	)
	_, err := module.Resolve(m)
	e, ok := errors.AsType[*module.Error](err)
	if !ok || len(e.Problems) != 2 {
		t.Fatalf("got %v, want the missing dependencies of the attached constructor and of the controller", err)
	}
	for _, p := range e.Problems {
		if p.Kind != module.ProblemMissing {
			t.Errorf("problem %v", p)
		}
	}
}

func TestAttachInvalidItems(t *testing.T) {
	m := module.New("jobs", module.Exports(module.Attach(newJob, 3, nil)))
	_, err := module.Resolve(m, module.AttachToRoot(4))
	e, ok := errors.AsType[*module.Error](err)
	if !ok || len(e.Problems) != 3 {
		t.Fatalf("got %v", err)
	}
	if want := "an item attached to newJob is of type int, not a constructor"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// An attached constructor that shares a provider is called, even if only an overridden
// constructor needed the provider.
func TestAttachSharesWithPrunedProvider(t *testing.T) {
	m := module.New("jobs", module.Providers(module.Value(&clock{}), newWatcher, newKeeper),
		module.Controllers(module.Attach(newJob, module.Mark(newWatcher, mark{1}))))
	g, err := module.Resolve(m, module.Override(&keeper{}))
	if err != nil {
		t.Fatal(err)
	}
	if found := marked(t, g); found[1] == nil {
		t.Error("the attached constructor was not called")
	}
}

type keeper struct{}

func newKeeper(*watcher) *keeper { return &keeper{} }

// An attached constructor shares an imported provider.
func TestAttachSharesWithImports(t *testing.T) {
	watchers := module.New("watchers", module.Exports(newWatcher), module.Providers(module.Value(&clock{})))
	m := module.New("jobs", module.Imports(watchers), module.Providers(module.Attach(newJob, module.Mark(newWatcher, mark{1}))))
	g, err := module.Resolve(m, module.AttachToRoot(module.Mark(newWatcher, mark{2})))
	if err != nil {
		t.Fatal(err)
	}
	found := marked(t, g)
	var all []any
	for inst := range g.Instances() {
		if w, ok := inst.Value.(*watcher); ok {
			all = append(all, w)
		}
	}
	if len(all) != 1 || found[1] != all[0] || found[2] != all[0] {
		t.Errorf("%d watchers, want only the imported one", len(all))
	}
}
