package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// maxBools is how many booleans a struct may have: each one more doubles the combinations,
// of which only some are states. Flags that exclude each other are one value of a type with
// constants, flags that belong together a struct of their own.
const maxBools = 3

// manyBools are the structs that may have more booleans, each with the reason.
var manyBools = map[string]string{
	"backplane.Traits":          "describes an engine, is never changed, and every combination is possible",
	"websockets/adapter.Traits": "describes a protocol, is never changed, and every combination is possible",
}

// TestBooleans: no struct has more than maxBools fields of type bool or atomic.Bool.
func TestBooleans(t *testing.T) {
	root := need.Root(t)
	used := map[string]bool{}
	for _, file := range written(t, root) {
		if !holdsState(file) {
			continue
		}
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for structure, name := range structs(parsed) {
			n := bools(structure)
			if n <= maxBools {
				continue
			}
			place := fmt.Sprintf("%s:%d", file, positions.Position(structure.Pos()).Line)
			full := filepath.ToSlash(filepath.Dir(file)) + "." + name
			if manyBools[full] != "" {
				used[full] = true
				continue
			}
			t.Errorf("%s: %s has %d booleans, more than %d: make flags that exclude each other one value of a type "+
				"with constants, and flags that belong together a struct of their own", place, full, n, maxBools)
		}
	}
	for name := range manyBools {
		if !used[name] {
			t.Errorf("%s has at most %d booleans now: remove it from manyBools", name, maxBools)
		}
	}
}

// TestBoolsOf: every way to write a boolean field counts.
func TestBoolsOf(t *testing.T) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "", `package p
type many struct {
	a, b bool
	c    atomic.Bool
	atomic.Bool
	in struct{ d, e, f, g, h bool }
	*sync.Mutex
	n int
}`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for structure, name := range structs(parsed) {
		got[name] = bools(structure)
	}
	if len(got) != 2 || got["many"] != 4 || got["struct"] != 5 {
		t.Errorf("booleans of the structs: %v, want 4 of many and 5 of the struct in it", got)
	}
}

// holdsState reports whether a file is code whose structs are checked: not a test, nor a program
// beside the library.
func holdsState(file string) bool {
	if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
		return false
	}
	top, _, _ := strings.Cut(file, "/")
	return top != "test" && top != "bench" && top != "docs" && top != "cmd"
}

// structs returns the structs of a file with their names; those without one are called struct.
func structs(file *ast.File) map[*ast.StructType]string {
	found := map[*ast.StructType]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			if s, ok := n.Type.(*ast.StructType); ok {
				found[s] = n.Name.Name
			}
		case *ast.StructType:
			if found[n] == "" {
				found[n] = "struct"
			}
		}
		return true
	})
	return found
}

// bools counts the fields of type bool and atomic.Bool, without those of structs in it.
func bools(s *ast.StructType) int {
	count := 0
	for _, field := range s.Fields.List {
		if isBool(field.Type) {
			count += max(len(field.Names), 1)
		}
	}
	return count
}

func isBool(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name == "bool"
	case *ast.SelectorExpr:
		in, ok := t.X.(*ast.Ident)
		return ok && in.Name == "atomic" && t.Sel.Name == "Bool"
	}
	return false
}
