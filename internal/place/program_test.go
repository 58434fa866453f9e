package place_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// files is an application of a user, and a module that it requires. The second one has a folder with another name than
// its import path.
var files = map[string]string{
	"shop/go.mod": "module example.com/shop\n\ngo 1.26.0\n\n" +
		"require (\n\tgithub.com/gatehouse-go/gatehouse v0.1.0\n\texample.com/Dep/v2 v2.1.0\n)\n\n" +
		"replace example.com/Dep/v2 => ../dep\n\nreplace github.com/gatehouse-go/gatehouse => ROOT\n",
	"dep/go.mod": "module example.com/Dep/v2\n\ngo 1.26.0\n",
	"dep/cart/cart.go": `package cart

type Cart[T any] struct{ v T }

func New[T any]() *Cart[T] { return &Cart[T]{} }

func NewInt() int { return 3 }
`,
	"shop/internal/auth/auth.go": `package auth

type Token struct{ secret string }

func Guarded(secret string) func() *Token { return func() *Token { return &Token{secret} } }

func Made[T any](v T) func() *T { return func() *T { return &v } }
`,
	"shop/internal/chat/chat.go": `package chat

import (
	"github.com/gatehouse-go/gatehouse/module"
	"example.com/shop/internal/auth"
	"example.com/Dep/v2/cart"
)

type Guard struct{}

func (Guard) Check() func() string { return func() string { return "" } }

var Module = module.New("chat", module.Providers(cart.New[string], cart.NewInt, auth.Guarded("s"), auth.Made(7), Guard{}.Check()))
`,
	"shop/cmd/server/main.go": `package main

import (
	"fmt"

	"github.com/gatehouse-go/gatehouse/module"
	"example.com/shop/internal/auth"
	"example.com/shop/internal/chat"
)

func NewName() bool { return true }

func show() {
	m := module.New("main", module.Imports(chat.Module), module.Providers(NewName, auth.Guarded("m"), func() uint { return 1 }))
	g, err := module.Resolve(m)
	fmt.Println("module", m, err)
	for d := range g.Declared() {
		fmt.Println(d)
	}
}

func main() { show() }
`,
	"shop/cmd/server/main_test.go": "package main\n\nimport \"testing\"\n\nfunc TestShow(t *testing.T) { show() }\n",
	"shop/cmd/server/outer_test.go": `package main_test

import (
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/module"
	"example.com/shop/internal/auth"
)

func TestOuter(t *testing.T) {
	m := module.New("outer", module.Providers(auth.Guarded("t")))
	g, err := module.Resolve(m)
	fmt.Println("module", m, err)
	for d := range g.Declared() {
		fmt.Println(d)
	}
}
`,
}

// Places are the same in every build of a program, and in its tests: with the paths of files and without, in package
// main, of generic functions, of another module, and of literals, which the compiler may copy into other packages.
func TestProgram(t *testing.T) {
	tool := need.Program(t, "", "go")
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "ROOT", need.Root(t))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sums, err := os.ReadFile(filepath.Join(need.Root(t), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop/go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	program := []string{
		"module main (cmd/server/main.go:14) <nil>",
		"(example.com/Dep/v2/cart/cart.go:5)", "(example.com/Dep/v2/cart/cart.go:7)",
		"(internal/auth/auth.go:5)", "(internal/auth/auth.go:7)", "(internal/chat/chat.go:11)",
		"main.NewName (cmd/server/main.go:11)", "(internal/auth/auth.go:5)", "(cmd/server/main.go:14)",
	}
	inTest := append([]string(nil), program...)
	inTest[6] = "server.NewName (cmd/server/main.go:11)"
	outer := []string{"module outer (cmd/server/outer_test.go:12) <nil>", "(internal/auth/auth.go:5)"}
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"run", "./cmd/server"}, program},
		{[]string{"run", "-trimpath", "./cmd/server"}, program},
		{[]string{"test", "-v", "-run=TestShow", "./cmd/server"}, inTest},
		{[]string{"test", "-v", "-trimpath", "-run=TestShow", "./cmd/server"}, inTest},
		{[]string{"test", "-v", "-run=TestOuter", "./cmd/server"}, outer},
	} {
		cmd := exec.CommandContext(t.Context(), tool, tt.args...)
		cmd.Dir, cmd.Env = filepath.Join(dir, "shop"), append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		var lines []string
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, ".go:") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		for i, want := range tt.want {
			if len(lines) != len(tt.want) || !strings.HasSuffix(lines[i], want) {
				t.Errorf("%q: got\n%s\nwant\n%s", tt.args, strings.Join(lines, "\n"), strings.Join(tt.want, "\n"))
				break
			}
		}
	}
}
