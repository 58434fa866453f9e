package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// qualified is a name of a package, such as websockets.Limits, also with a field or method.
var qualified = regexp.MustCompile("`[*&]?([a-z][a-z0-9]*)\\.([A-Z][A-Za-z0-9]*)(?:\\.([A-Z][A-Za-z0-9]*))?")

// TestNames: each name of a package of ours that a page has in code exists.
func TestNames(t *testing.T) {
	repo := os.DirFS("..")
	guides, err := fs.Glob(repo, "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	declared := declaredNames(t, repo)
	found := 0
	for _, page := range append([]string{readme, "CONTRIBUTING.md"}, guides...) {
		for _, l := range prose(t, repo, page) {
			for _, m := range qualified.FindAllStringSubmatch(l.text, -1) {
				names, ours := declared[m[1]]
				if !ours {
					continue
				}
				found++
				name := m[2]
				if m[3] != "" && names[m[2]] {
					name += "." + m[3]
				}
				if !names[name] && !isMethod(declared, m[1]+"."+m[2]) {
					t.Errorf("%s:%d: %s.%s: there is no such name in package %s", page, l.number, m[1], name, m[1])
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d names were found", found)
	}
}

// isMethod reports whether a name is of a type of some package, which pages for developers
// write like a package.
func isMethod(declared map[string]map[string]bool, name string) bool {
	for _, names := range declared {
		if names[name] {
			return true
		}
	}
	return false
}

// declaredNames returns the names of the packages of the repository, by the name of the package:
// of declarations, and "Type.Member" of their fields and methods.
func declaredNames(t *testing.T, repo fs.FS) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	err := fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "testdata" || d.Name() == "snippets" || d.Name() == "node_modules" || d.Name() == "test" || d.Name() == "bench" || d.Name() == "cmd"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(repo, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		names := all[file.Name.Name]
		if names == nil {
			names = map[string]bool{}
			all[file.Name.Name] = names
		}
		for _, decl := range file.Decls {
			addNames(names, decl)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func addNames(names map[string]bool, decl ast.Decl) {
	if f, ok := decl.(*ast.FuncDecl); ok {
		name := f.Name.Name
		if f.Recv != nil {
			name = receiver(f.Recv.List[0].Type) + "." + name
		}
		names[name] = true
		return
	}
	for _, spec := range decl.(*ast.GenDecl).Specs {
		switch s := spec.(type) {
		case *ast.ValueSpec:
			for _, n := range s.Names {
				names[n.Name] = true
			}
		case *ast.TypeSpec:
			names[s.Name.Name] = true
			var members *ast.FieldList
			switch x := s.Type.(type) {
			case *ast.StructType:
				members = x.Fields
			case *ast.InterfaceType:
				members = x.Methods
			default:
				continue
			}
			for _, m := range members.List {
				for _, n := range m.Names {
					names[s.Name.Name+"."+n.Name] = true
				}
			}
		}
	}
}

// receiver returns the name of the type of a method.
func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	}
	return ""
}
