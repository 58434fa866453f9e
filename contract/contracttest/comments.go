package contracttest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/contract"
)

// Comments has the first paragraphs of doc comments in the documents: of the methods and functions that handle events and routes, and of
// the types of messages. The clients in TypeScript have them too.
//
// They are read from the sources, which the go command finds: a test that runs without it fails. Nothing is described where a handler is
// a closure, and what is declared in a file of tests.
func Comments() Option { return Option{comments: true} }

// comments reads the doc comments of packages, each once. Its key is the name of a function, a method or a type, with the path of its
// package: example.com/chat.(*Gateway).Join.
type comments struct {
	t        testing.TB
	packages map[string]map[string]string
}

func commentsOf(t testing.TB) contract.Option {
	t.Helper()
	c := &comments{t, map[string]map[string]string{}}
	return contract.Descriptions(c.of)
}

func (c *comments) of(name string) string {
	name = strings.ReplaceAll(name, "[...]", "")
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return ""
	}
	path, name := name[:slash+dot], name[slash+dot+1:]
	known, ok := c.packages[path]
	if !ok {
		var err error
		if known, err = readComments(path); err != nil {
			c.t.Errorf("contracttest: Comments: %v", err)
		}
		c.packages[path] = known
	}
	return known[name]
}

// readComments returns the doc comments of a package, without those of files of tests. A package of tests has none.
func readComments(path string) (map[string]string, error) {
	escaped := strings.ReplaceAll(path, "%2e", ".")                                                                                                    // as in the names of functions
	cmd := exec.Command("go", "list", "-e", "-find", "-f", "{{.Dir}}{{range .GoFiles}}\n{{.}}{{end}}{{range .CgoFiles}}\n{{.}}{{end}}", "--", escaped) //nolint:gosec,noctx // the path of a package; of a second
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("go list: %w: run the test where the go command is, or without this option", err)
	} else if err != nil {
		return nil, fmt.Errorf("go list %s: %w", path, err)
	}
	dir, names, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	fset := token.NewFileSet()
	var files []*ast.File
	for name := range strings.FieldsSeq(names) {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	all := map[string]string{}
	if len(files) == 0 {
		return all, nil
	}
	p, err := doc.NewFromFiles(fset, files, path, doc.AllDecls|doc.PreserveAST)
	if err != nil {
		return nil, err
	}
	add := func(name, text string) {
		paragraph, _, _ := strings.Cut(string(p.Text(text)), "\n\n") // without the brackets of links
		all[name] = strings.Join(strings.Fields(paragraph), " ")
	}
	for _, f := range p.Funcs {
		add(f.Name, f.Doc)
	}
	for _, t := range p.Types {
		add(t.Name, t.Doc)
		for _, f := range t.Funcs { // constructors
			add(f.Name, f.Doc)
		}
		for _, m := range t.Methods {
			receiver := t.Name + "." + m.Name
			if strings.HasPrefix(m.Recv, "*") {
				receiver = "(*" + t.Name + ")." + m.Name
			}
			add(receiver, m.Doc)
		}
	}
	return all, nil
}
