package docs_test

import (
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// snippetName is a name of a package in a snippet of a doc comment.
var snippetName = regexp.MustCompile(`\b([a-z][a-z0-9]*)\.([A-Z][A-Za-z0-9]*)`)

// notGo are the snippets of doc comments in another language, by a text in them.
var notGo = []string{"new WebSocket(", "io(", `{"`, "socket.", "HS256, ", "→", "go test", "go get", "S: ", "hint:", " failed: ", "<type>", "Bad payload: ", "; may be absent", "uvarint"}

// TestField_X70_GodocSnippets: An example in a doc comment did not compile; every snippet of a doc comment is parsed as Go, the names of
// packages in it exist, and metadata has the type of its key.
func TestField_X70_GodocSnippets(t *testing.T) {
	repo := os.DirFS("..")
	declared := declaredNames(t, repo)
	found := 0
	err := fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if name == "internal" || name == "test" || name == "bench" || name == "docs" || name == "cmd" || strings.HasPrefix(d.Name(), ".") && name != "." {
				return fs.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), "../"+name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			for _, b := range new(comment.Parser).Parse(group.Text()).Content {
				code, ok := b.(*comment.Code)
				if !ok || slices.ContainsFunc(notGo, func(s string) bool { return strings.Contains(code.Text, s) }) {
					continue
				}
				found++
				if !parses(strings.ReplaceAll(code.Text, "…", "")) {
					t.Errorf("%s: not Go:\n%s", name, code.Text)
				}
				for _, m := range snippetName.FindAllStringSubmatch(code.Text, -1) {
					if names, ours := declared[m[1]]; ours && m[1] != "cors" && !names[m[2]] && (m[1] != "redis" || name != "module/doc.go") { // cors is chi's, redis there go-redis
						t.Errorf("%s: package %s has no %s:\n%s", name, m[1], m[2], code.Text)
					}
				}
				if strings.Contains(code.Text, `Roles.With("`) { // the key of every page is one of []string
					t.Errorf("%s: Roles.With needs a []string:\n%s", name, code.Text)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 30 {
		t.Errorf("only %d snippets were found", found)
	}
}

// parses reports whether a text is a part of a Go program.
func parses(text string) bool {
	for _, form := range []string{"%s", "package p\n%s", "package p\nfunc _() {\n%s\n}", "package p\nvar _ = f(\n%s)", "package p\ntype _ struct {\n%s\n}"} {
		file, err := parser.ParseFile(token.NewFileSet(), "", strings.Replace(form, "%s", text, 1), parser.SkipObjectResolution)
		if err == nil && (file.Name != nil || len(file.Decls) > 0) {
			return true
		}
	}
	// Declarations and the statements that use them, as in many examples.
	var decls, stmts []string
	for part := range strings.SplitSeq(text, "\n\n") {
		if parsesAs(part, "package p\n%s") {
			decls = append(decls, part)
		} else {
			stmts = append(stmts, part)
		}
	}
	return len(decls) > 0 && parsesAs(strings.Join(stmts, "\n"), "package p\nfunc _() {\n%s\n}")
}

func parsesAs(text, form string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", strings.Replace(form, "%s", text, 1), parser.SkipObjectResolution)
	return err == nil
}

// list is what a package exports and a page lists.
type list struct {
	kind, dir, page string
	names           func(ast.Node) []string
	least           int
}

// optionsNamed returns the names of functions that return a type.
func optionsNamed(types ...string) func(ast.Node) []string {
	return func(n ast.Node) []string {
		d, ok := n.(*ast.FuncDecl)
		if !ok || d.Recv != nil || !d.Name.IsExported() || d.Type.Results == nil || len(d.Type.Results.List) != 1 {
			return nil
		}
		if r, ok := d.Type.Results.List[0].Type.(*ast.Ident); ok && slices.Contains(types, r.Name) {
			return []string{d.Name.Name}
		}
		return nil
	}
}

// fieldsOf returns the names of the fields of a struct.
func fieldsOf(name string) func(ast.Node) []string {
	return func(n ast.Node) (names []string) {
		s, ok := n.(*ast.TypeSpec)
		if !ok || s.Name.Name != name {
			return nil
		}
		for _, f := range s.Type.(*ast.StructType).Fields.List {
			for _, n := range f.Names {
				names = append(names, n.Name)
			}
		}
		return names
	}
}

// TestListsAreComplete: the pages list every option, limit, code and hook that the packages export.
func TestListsAreComplete(t *testing.T) {
	for _, l := range []list{
		{"option", "websockets", "gateways.md", optionsNamed("Option", "Strictness"), 15},
		{"limit", "websockets", "gateways.md", fieldsOf("Limits"), 10},
		{"code", "websockets", "gateways.md", codes, 6},
		{"option", "app", "lifecycle.md", optionsNamed("Option"), 15},
		{"hook", "observe", "observability.md", fieldsOf("Hooks"), 10},
		{"option", "web", "http.md", optionsNamed("Option", "JSONOption"), 8},
		{"option", "backplane/redis", "cluster.md", optionsNamed("Option"), 8},
		{"field", "platform/socketio", "socketio.md", fieldsOf("Options"), 15},
		{"field", "platform/ws", "websocket.md", fieldsOf("Options"), 6},
		{"field", "client", "go-client.md", fieldsOf("Options"), 15},
		{"limit", "client", "go-client.md", fieldsOf("Limits"), 8},
	} {
		page, err := os.ReadFile(l.page)
		if err != nil {
			t.Fatal(err)
		}
		files, err := fs.Glob(os.DirFS(".."), l.dir+"/*.go")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), "../"+name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			ast.Inspect(file, func(n ast.Node) bool {
				for _, exported := range l.names(n) {
					found++
					if !regexp.MustCompile("`(?:[a-z]+\\.)?" + regexp.QuoteMeta(exported) + "[`(.]").Match(page) {
						t.Errorf("docs/%s does not list the %s %s of package %s", l.page, l.kind, exported, l.dir)
					}
				}
				return true
			})
		}
		if found < l.least {
			t.Errorf("only %d of kind %s were found in %s", found, l.kind, l.dir)
		}
	}
}

// codes returns the text of a constant CodeX.
func codes(n ast.Node) []string {
	s, ok := n.(*ast.ValueSpec)
	if !ok || !strings.HasPrefix(s.Names[0].Name, "Code") || len(s.Values) == 0 {
		return nil
	}
	v, ok := s.Values[0].(*ast.BasicLit)
	if !ok {
		return nil
	}
	return []string{strings.Trim(v.Value, `"`)}
}
