package docs_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/docs/internal/snippet"
)

const (
	readme = "README.md"
	// first is the program that the README begins with.
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
