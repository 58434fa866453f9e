package snippet_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-go/gatehouse/docs/internal/snippet"
)

// program is not written with the real marks: they would be taken for regions of this file.
var program = strings.NewReplacer("// SNIPPET", "// snippet", "// END", "// end").Replace(`package main

func main() {
	// SNIPPET:outer
	x := 1

	// SNIPPET:inner
	if x > 0 {
		use(x)
	}
	// END
	// END
}
`)

const pageOK = "# Page\n\n" +
	"```go\npackage main\n\nfunc main() {\n\tx := 1\n\n\tif x > 0 {\n\t\tuse(x)\n\t}\n}\n```\n" +
	"text\n~~~ go\nx := 1\n\nif x > 0 {\n\tuse(x)\n}\n~~~\n" +
	"1. In a list:\n\n   ```go\n   if x > 0 {\n   \tuse(x)\n   }\n   ```\n" +
	"```sh\nmake run\n```\n````md\n```go\nnot(code)\n```\n````\n"

func check(t *testing.T, files map[string]string, pages ...string) (shown int, problems []string) {
	t.Helper()
	repo := fstest.MapFS{}
	for name, text := range files {
		repo[name] = &fstest.MapFile{Data: []byte(text)}
	}
	shown, problems, err := snippet.Check(repo, pages)
	if err != nil {
		t.Fatal(err)
	}
	return shown, problems
}

func TestBlocksThatAreInFilesPass(t *testing.T) {
	shown, problems := check(t, map[string]string{"a/main.go": program, "README.md": pageOK}, "README.md")
	if shown != 3 || len(problems) != 0 {
		t.Errorf("%d shown, problems:\n%s", shown, strings.Join(problems, "\n"))
	}
}

func TestProblems(t *testing.T) {
	const fence = "```go\n%s\n```\n"
	page := func(code string) string { return strings.Replace(fence, "%s", code, 1) }
	shown := page("x := 1\n\nif x > 0 {\n\tuse(x)\n}") + page("if x > 0 {\n\tuse(x)\n}")
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nowhere": {
			map[string]string{"p.md": page("other()")},
			"p.md:2: the code is in no Go file; put it into docs/internal/snippets between `// snippet:name` and `// end`",
		},
		"changed": {
			map[string]string{"a/main.go": program, "p.md": shown + page("if x > 0 {\n\tuse(x, 2)\n}")},
			"p.md:14: the code is in no Go file; nearest is a/main.go:8 (snippet inner), which differs first in line 2:\n" +
				"\tpage: \tuse(x, 2)\n\tfile: \tuse(x)",
		},
		"cut short": {
			map[string]string{"a/main.go": program, "p.md": shown + page("x := 1\n\nif x > 0 {\n\tuse(x)")},
			"p.md:14: the code is in no Go file; nearest is a/main.go:5 (snippet outer), which differs first in line 5:\n" +
				"\tpage: (ends)\n\tfile: }",
		},
		"on no page": {
			map[string]string{"a.go": "package a\n\n// snippet:a\nvar x = 1\n// end\n", "p.md": ""},
			"a.go:4: snippet a is on no page",
		},
		"no end": {
			map[string]string{"a.go": "package a\n// snippet:a\nvar x = 1\n", "p.md": ""},
			`a.go:3: snippet a has no "// end"`,
		},
		"name twice": {
			map[string]string{"a.go": "package a\n// snippet:a\nvar x = 1\n// end\n// snippet:a\nvar x = 1\n// end\n", "p.md": page("var x = 1")},
			`a.go:5: snippet "a" has no name of its own in the file`,
		},
		"no name": {
			map[string]string{"a.go": "package a\n// snippet:\nvar x = 1\n// end\n", "p.md": page("var x = 1")},
			`a.go:2: snippet "" has no name of its own in the file`,
		},
		"block open": {
			map[string]string{"p.md": "text\n```go\nx"},
			"p.md:3: the block is never closed",
		},
		"never compiled": {
			map[string]string{"a.go": "//go:build ignore\n\npackage a\n", "testdata/b.go": "package a\n", "_c.go": "package a\n", "p.md": page("package a")},
			"p.md:2: the code is in no Go file; put it into docs/internal/snippets between `// snippet:name` and `// end`",
		},
		"golang is Go": {
			map[string]string{"p.md": "```golang\nother()\n```\n"},
			"p.md:2: the code is in no Go file; put it into docs/internal/snippets between `// snippet:name` and `// end`",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := check(t, tt.files, "p.md")
			if !slices.Equal(problems, []string{tt.want}) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(problems, "\n"), tt.want)
			}
		})
	}
}

func TestEmptySnippetIsAProblem(t *testing.T) {
	_, problems := snippet.Regions("a.go", "package a\n// snippet:a\n// end\n")
	if len(problems) != 1 || problems[0] != "a.go:3: snippet a is empty" {
		t.Errorf("got %q", problems)
	}
}

func TestMissingPageIsAnError(t *testing.T) {
	if _, _, err := snippet.Check(fstest.MapFS{}, []string{"README.md"}); err == nil {
		t.Error("no error")
	}
}
