package doctor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// listed is a package as the go command lists it.
type listed struct {
	ImportPath string            `json:"ImportPath"`
	Dir        string            `json:"Dir"`
	Export     string            `json:"Export"`
	GoFiles    []string          `json:"GoFiles"`
	CgoFiles   []string          `json:"CgoFiles"`
	ImportMap  map[string]string `json:"ImportMap"`
	DepOnly    bool              `json:"DepOnly"`
	Standard   bool              `json:"Standard"`
	Module     *goModule         `json:"Module"`
	Error      *listError        `json:"Error"`
}

type goModule struct {
	Path      string `json:"Path"`
	Dir       string `json:"Dir"`
	GoMod     string `json:"GoMod"`
	GoVersion string `json:"GoVersion"`
}

type listError struct {
	Pos string `json:"Pos"`
	Err string `json:"Err"`
}

// pkg is a package that is checked.
type pkg struct {
	listed

	files  []*ast.File
	info   *types.Info
	types  *types.Package
	broken bool // it does not compile
}

// load lists the packages, and checks their types with the export data of what they import.
func (c *checker) load(ctx context.Context) error {
	args := append([]string{"list", "-e", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,CgoFiles,ImportMap,DepOnly,Standard,Module,Error", "--"}, c.Patterns...)
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // patterns after --
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = c.Dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	exports, missing := map[string]string{}, map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		exports[l.ImportPath] = l.Export
		if l.DepOnly && l.Error != nil {
			missing[l.ImportPath], _, _ = strings.Cut(l.Error.Err, "\n")
		}
		if !l.DepOnly && l.Error != nil && l.Dir == "" {
			return fmt.Errorf("%s: name packages as the go command takes them", l.Error.Err)
		}
		if !l.DepOnly && !l.Standard {
			c.packages = append(c.packages, &pkg{listed: l})
		}
	}
	c.packages = slices.DeleteFunc(c.packages, func(p *pkg) bool { return p.Error == nil && len(p.GoFiles)+len(p.CgoFiles) == 0 }) // only tests
	if len(c.packages) == 0 {
		return fmt.Errorf("%s: there are no packages: run it in the folder of a module, or name its packages", strings.Join(c.Patterns, " "))
	}
	imports := importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		if file := exports[path]; file != "" {
			return os.Open(file) //nolint:gosec // of the build cache
		}
		return nil, errors.New(cmp.Or(missing[path], "it does not compile"))
	})
	for _, p := range c.packages {
		c.check(p, imports, missing)
	}
	return nil
}

// mapped imports packages by the names that they have in the sources of one package.
type mapped struct {
	types.Importer

	names map[string]string
}

func (m mapped) Import(path string) (*types.Package, error) {
	if name, ok := m.names[path]; ok {
		path = name
	}
	return m.Importer.Import(path)
}

// check parses a package and checks its types. What is wrong with it is a finding: one for a package.
// Missing are imports that are no packages of the application: the others have a finding of their own.
func (c *checker) check(p *pkg, imports types.Importer, missing map[string]string) {
	var failures []types.Error
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		f, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if list, ok := errors.AsType[scanner.ErrorList](err); ok && f != nil {
			failures = append(failures, types.Error{Pos: c.fset.File(f.FileStart).LineStart(list[0].Pos.Line), Msg: list[0].Msg})
		}
		if f != nil {
			p.files = append(p.files, f)
		}
	}
	p.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Instances: map[*ast.Ident]types.Instance{},
	}
	conf := types.Config{Importer: mapped{imports, p.ImportMap}, FakeImportC: true, Error: func(err error) {
		if wrong, ok := errors.AsType[types.Error](err); ok {
			failures = append(failures, wrong)
		}
	}}
	if p.Module != nil && p.Module.GoVersion != "" {
		conf.GoVersion = "go" + p.Module.GoVersion
	}
	p.types, _ = conf.Check(p.ImportPath, c.fset, p.files, p.info)
	p.broken = len(failures) > 0 || p.Error != nil
	const fix = "mend it, then run gatehouse doctor again"
	for _, wrong := range failures {
		imported, isImport := strings.CutPrefix(wrong.Msg, "could not import ")
		if path, _, _ := strings.Cut(imported, " "); !isImport || missing[path] != "" {
			c.reportf(wrong.Pos, false, fix, "the package does not compile: %s", wrong.Msg)
			return
		}
	}
	if p.Error != nil {
		file, line := place(p.Error.Pos)
		if file == "" {
			file, line = p.Dir, 1
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(c.Dir, file)
		}
		text, _, _ := strings.Cut(p.Error.Err, "\n")
		if rest, ok := strings.CutPrefix(p.Error.Err, "# "); ok { // of the compiler: the package, then its errors
			_, text, _ = strings.Cut(rest, "\n")
			text, _, _ = strings.Cut(text, "\n")
		}
		c.addf(file, line, false, fix, "the package does not compile: %s", strings.TrimSuffix(text, ":"))
	}
}

// place splits file:line:column.
func place(pos string) (file string, line int) {
	parts := strings.Split(pos, ":")
	for len(parts) > 1 {
		n, err := strconv.Atoi(parts[len(parts)-1])
		if err != nil {
			break
		}
		line, parts = n, parts[:len(parts)-1]
	}
	return strings.Join(parts, ":"), line
}

// callee returns the function or method that a call names; nil for other calls.
func (p *pkg) callee(call *ast.CallExpr) *types.Func {
	name := named(call.Fun)
	if name == nil {
		return nil
	}
	f, _ := p.info.Uses[name].(*types.Func)
	return f
}

// named returns the last name of an expression such as pkg.F[T]; nil if it is no name.
func named(e ast.Expr) *ast.Ident {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	case *ast.IndexExpr:
		return named(e.X)
	case *ast.IndexListExpr:
		return named(e.X)
	}
	return nil
}

// isOf reports whether a function of a package of Gatehouse has one of the names.
func isOf(f *types.Func, folder string, names ...string) bool {
	return f != nil && f.Pkg() != nil && f.Pkg().Path() == gatehouse+"/"+folder && f.Signature().Recv() == nil && slices.Contains(names, f.Name())
}

// calls calls f with each call in the packages.
func (c *checker) calls(f func(p *pkg, call *ast.CallExpr, callee *types.Func)) {
	for _, p := range c.packages {
		for _, file := range p.files {
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					f(p, call, p.callee(call))
				}
				return true
			})
		}
	}
}

// gateway returns where the first gateway is registered, of one module or, with nil, of all.
func (c *checker) gateway(m *goModule) (first token.Pos) {
	c.calls(func(p *pkg, call *ast.CallExpr, callee *types.Func) {
		if isOf(callee, "websockets", "Gateway") && !first.IsValid() && (m == nil || p.Module != nil && p.Module.Dir == m.Dir) {
			first = call.Pos()
		}
	})
	return first
}
