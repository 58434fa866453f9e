package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAdapterInterfaces: the page on adapters names each interface of package adapter.
func TestAdapterInterfaces(t *testing.T) {
	page, err := os.ReadFile("adapters.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../websockets/adapter/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			if _, ok := spec.Type.(*ast.InterfaceType); ok {
				found++
				if name := spec.Name.Name; !strings.Contains(string(page), "`"+name+"`") && !strings.Contains(string(page), "`"+name+".") && !strings.Contains(string(page), "`adapter."+name) {
					t.Errorf("the page does not say what %s is for", name)
				}
			}
			return true
		})
	}
	if found < 10 {
		t.Errorf("%d interfaces", found)
	}
}
