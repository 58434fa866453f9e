package module_test

import (
	"regexp"
	"strings"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/module"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start resolves and builds root. It fails the test on any error.
func start(t *testing.T, root *module.Module, opts ...module.ResolveOption) *module.Graph {
	t.Helper()
	g := resolve(t, root, opts...)
	if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil {
		t.Fatalf("fx.New: %v", err)
	}
	return g
}

func resolve(t *testing.T, root *module.Module, opts ...module.ResolveOption) *module.Graph {
	t.Helper()
	g, err := module.Resolve(root, opts...)
	if err != nil {
		t.Fatalf("Resolve: %v", err)
	}
	return g
}

// startError resolves root and returns the error of building it.
func startError(t *testing.T, root *module.Module, opts ...module.ResolveOption) error {
	t.Helper()
	err := fx.New(resolve(t, root, opts...).Fx(), fx.NopLogger).Err()
	if err == nil {
		t.Fatal("fx.New did not fail")
	}
	return err
}

// get returns the only instance of type T.
func get[T any](t *testing.T, g *module.Graph) T {
	t.Helper()
	var out []T
	for _, v := range module.Find[T](g) {
		out = append(out, v)
	}
	if len(out) != 1 {
		t.Fatalf("%d instances of %T, want one", len(out), out)
	}
	return out[0]
}

// names returns the constructors in the order of the instances.
func names(g *module.Graph) string {
	var out []string
	for inst := range g.Instances() {
		_, short, _ := strings.Cut(inst.Name, ".")
		out = append(out, short)
	}
	return strings.Join(out, " ")
}

var lineNumber = regexp.MustCompile(`\bmodule/((?:\w+/)*\w+\.go):\d+`)

// unnumbered removes line numbers, and the folder of this package, from positions in a text.
func unnumbered(s string) string { return lineNumber.ReplaceAllString(s, "$1") }

// wantProblems compares the complete text of the error, without line numbers.
func wantProblems(t *testing.T, want string, root *module.Module, opts ...module.ResolveOption) []module.Problem {
	t.Helper()
	_, err := module.Resolve(root, opts...)
	if err == nil {
		t.Fatalf("Resolve did not fail, want:\n%s", want)
	}
	want = strings.TrimPrefix(want, "\n")
	if got := unnumbered(err.Error()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	return err.(*module.Error).Problems
}

// Types and constructors for several tests.
type (
	A struct{ B *B }
	B struct{ C *C }
	C struct{ id int }
	D struct{ A *A }

	// Namer is implemented by *C.
	Namer interface{ ID() int }
)

func (c *C) ID() int { return c.id }

func NewA(b *B) *A { return &A{b} }
func NewB(c *C) *B { return &B{c} }
func NewC() *C     { return &C{} }
func NewD(a *A) *D { return &D{a} }
