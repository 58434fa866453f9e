package adaptertest

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLaws: the package documentation has each law, with all files of its tests, and no other.
func TestLaws(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{} // number → text
	item := regexp.MustCompile(`(?s)  - (\d+)\. (.*?)(?:\n  - |\n\n)`)
	for text := file.Doc.Text(); ; {
		m := item.FindStringSubmatchIndex(text)
		if m == nil {
			break
		}
		listed[text[m[2]:m[3]]] = strings.Join(strings.Fields(text[m[4]:m[5]]), " ")
		text = text[m[5]:]
	}
	tested := map[string]bool{}
	number := regexp.MustCompile(`^law (\d+): `)
	for _, x := range tests() {
		if m := number.FindStringSubmatch(x.name); m != nil {
			tested[m[1]] = true
		}
	}
	for n := range tested {
		if listed[n] == "" {
			t.Errorf("law %s is not in the package documentation", n)
		}
	}
	for n, text := range listed {
		if !tested[n] {
			t.Errorf("no test has law %s: %s", n, text)
		}
		_, files, _ := strings.Cut(text, ": ")
		for name := range strings.SplitSeq(files, ", ") {
			source, err := os.ReadFile(name)
			if err != nil || !strings.Contains(string(source), `"law `+n+`: `) {
				t.Errorf("law %s: %s has no test of it: %v", n, name, err)
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`"law (\d+): `)
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(source), -1) {
			_, list, _ := strings.Cut(listed[m[1]], ": ")
			if !slices.Contains(strings.Split(list, ", "), name) {
				t.Errorf("law %s: the package documentation does not name %s", m[1], name)
			}
		}
	}
}
