package main

import (
	"cmp"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// test is a test function for a row.
type test struct {
	row     row
	name    string
	dir     string // of the package, relative to the root, with slashes
	module  string // the folder of its Go module, likewise
	text    string // the first sentence of its comment
	reports string // CVE-2016-10542, or ""
	needs   string // the build constraint of its file
}

// row is a row of the page: V1, F31 or X7.
type row struct {
	kind   string
	number int
}

func (r row) String() string { return r.kind + strconv.Itoa(r.number) }

func compareRows(a, b row) int {
	return cmp.Or(-cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number)) // X, V, F
}

var (
	rowName = regexp.MustCompile(`^Test\w*_([VFX])([0-9]+)_`)
	cveName = regexp.MustCompile(`^TestCVE_([0-9]{4})_([0-9]+)_`)
)

// scan finds the tests below root, in all its modules.
func scan(root string) (tests []test, err error) {
	files := token.NewFileSet()
	err = fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (base == "node_modules" || base == "testdata" || strings.HasPrefix(base, ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				tests = appendTest(tests, f, path.Dir(name), root, constraintOf(file))
			}
		}
		return nil
	})
	slices.SortFunc(tests, func(a, b test) int {
		return cmp.Or(compareRows(a.row, b.row), cmp.Compare(a.dir, b.dir), cmp.Compare(a.name, b.name))
	})
	return tests, err
}

// constraintOf returns a file's build constraint, or "".
func constraintOf(file *ast.File) string {
	for _, group := range file.Comments {
		for _, c := range group.List {
			if needs, ok := strings.CutPrefix(c.Text, "//go:build "); ok && c.Pos() < file.Package {
				return needs
			}
		}
	}
	return ""
}

func appendTest(tests []test, f *ast.FuncDecl, dir, root, needs string) []test {
	name := f.Name.Name
	m := rowName.FindStringSubmatch(name)
	if m == nil {
		return tests
	}
	number, err := strconv.Atoi(m[2])
	if err != nil { // more digits than any row has
		return tests
	}
	t := test{row: row{m[1], number}, name: name, dir: dir, module: moduleOf(root, dir), needs: needs}
	if c := cveName.FindStringSubmatch(name); c != nil {
		t.reports = "CVE-" + c[1] + "-" + c[2]
	}
	comment := strings.TrimPrefix(strings.TrimSpace(f.Doc.Text()), name)
	t.text = new(doc.Package).Synopsis(strings.TrimSpace(strings.TrimPrefix(comment, ":")))
	return append(tests, t)
}

// moduleOf returns the nearest folder above dir that has a go.mod.
func moduleOf(root, dir string) string {
	for dir != "." {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
			return dir
		}
		dir = path.Dir(dir)
	}
	return dir
}
