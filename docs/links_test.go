package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	inlineCode = regexp.MustCompile("`[^`]*`")
	link       = regexp.MustCompile(`\]\(([^() ]+)\)`)
	linkText   = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	noAnchor   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinks: every link between the pages leads to a file, and to a heading in it.
func TestLinks(t *testing.T) {
	repo := os.DirFS("..")
	guides, err := fs.Glob(repo, "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := append([]string{readme, "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md"}, guides...)
	found := 0
	for _, page := range pages {
		for _, l := range prose(t, repo, page) {
			for _, m := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(l.text, ""), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				found++
				if problem := broken(t, repo, page, m[1]); problem != "" {
					t.Errorf("%s:%d: %s: %s", page, l.number, m[1], problem)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d links were found", found)
	}
}

// broken returns what is wrong with a link of a page, or "".
func broken(t *testing.T, repo fs.FS, page, target string) string {
	t.Helper()
	file, anchor, hasAnchor := strings.Cut(target, "#")
	name := page
	if file != "" {
		name = path.Join(path.Dir(page), file)
	}
	if _, err := fs.Stat(repo, name); err != nil {
		return "the file does not exist"
	}
	if hasAnchor && !anchors(t, repo, name)[anchor] {
		return "the page has no such heading"
	}
	return ""
}

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(t *testing.T, repo fs.FS, page string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, l := range prose(t, repo, page) {
		level := len(l.text) - len(strings.TrimLeft(l.text, "#"))
		if level == 0 || !strings.HasPrefix(l.text[level:], " ") {
			continue
		}
		text := linkText.ReplaceAllString(strings.TrimSpace(l.text[level:]), "$1")
		anchor := strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
		for n := 1; all[anchor]; n++ {
			anchor = fmt.Sprintf("%s-%d", strings.TrimSuffix(anchor, fmt.Sprintf("-%d", n-1)), n)
		}
		all[anchor] = true
	}
	return all
}

type proseLine struct {
	number int
	text   string
}

// prose returns the lines of a page that are outside of fenced blocks.
func prose(t *testing.T, repo fs.FS, page string) (lines []proseLine) {
	t.Helper()
	text, err := fs.ReadFile(repo, page)
	if err != nil {
		t.Fatal(err)
	}
	fenced, number := false, 0
	for line := range strings.Lines(string(text)) {
		number++
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		} else if !fenced {
			lines = append(lines, proseLine{number, strings.TrimRight(line, "\n")})
		}
	}
	return lines
}
