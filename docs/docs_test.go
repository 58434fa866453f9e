package docs_test

import (
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/docs/internal/snippet"
)

const (
	readme = "README.md"
	// first is the program at the start of the README.
	first = "docs/internal/snippets/first/main.go"
)

// TestEverySnippetIsCompiledCode: what the pages show as Go is in a Go file, so
// it compiles, and most of it runs in a test.
func TestEverySnippetIsCompiledCode(t *testing.T) {
	repo := os.DirFS("..")
	pages := []string{readme}
	guides, err := fs.Glob(repo, "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown, problems, err := snippet.Check(repo, append(pages, guides...))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	if shown == 0 {
		t.Error("no page shows any Go")
	}
}

func TestReadmeBeginsWithAWholeProgram(t *testing.T) {
	repo := os.DirFS("..")
	page, err := fs.ReadFile(repo, readme)
	if err != nil {
		t.Fatal(err)
	}
	file, err := fs.ReadFile(repo, first)
	if err != nil {
		t.Fatal(err)
	}
	blocks, _ := snippet.Blocks(readme, string(page))
	sources, _ := snippet.Regions(first, string(file))
	whole := sources[len(sources)-1]
	if len(blocks) == 0 || blocks[0].Text != whole.Text {
		t.Errorf("the first Go block of %s is not %s as a whole", readme, first)
	}
}

// TestGodocFrontPage: doc.go shows the same program as the README, and its links lead to packages.
func TestGodocFrontPage(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	page := new(comment.Parser).Parse(file.Doc.Text())
	program, err := os.ReadFile("../" + first)
	if err != nil {
		t.Fatal(err)
	}
	var shown string
	for _, b := range page.Content {
		if code, ok := b.(*comment.Code); ok && shown == "" {
			shown = code.Text
		}
	}
	if shown != string(program) {
		t.Errorf("the first program in doc.go is not %s", first)
	}
	if len(page.Links) == 0 {
		t.Error("doc.go has no links")
	}
	for _, l := range page.Links {
		dir, ours := strings.CutPrefix(l.URL, "https://pkg.go.dev/github.com/gatehouse-go/gatehouse/")
		if !l.Used || !ours || dir != l.Text {
			t.Errorf("doc.go: [%s]: %s: the link is not used, or not to the package of its name", l.Text, l.URL)
		}
		if files, err := fs.Glob(os.DirFS(".."), dir+"/*.go"); err != nil || len(files) == 0 {
			t.Errorf("doc.go: [%s]: there is no such package", l.Text)
		}
	}
}
