package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// oldWords are expressions that code, tests and pages must not contain, each with what to write instead.
var oldWords = []struct{ pattern, instead string }{
	// Names.
	{`crews?`, "workers"},
	{`seats?`, "idle worker"},
	{`lanes?`, "worker, or drain loop"},
	{`takeUp`, "run"},
	{`(?i:hang ?up|hangs up|hung up)`, "close, cancelCalls"},
	{`soleCall|gathering`, "pendingCall, fanoutCall"},
	{`shielded`, "recovered"},
	{`(?i:porters?)`, "handshake guard"},
	{`(?i:visitors?)`, "client, user"},
	{`(?i:knock(s|ed|ing)?)`, "connection attempt"},
	{`(?i:minders?)`, "watchdog"},
	{`(?i:farewells?|goodbyes?|saidGoodbye)`, "close, close frame"},
	{`(?i:pretence)`, "fake"},
	{`(?i:comebacks?)`, "reconnect, resume"},
	{`lonelySince`, "noNamespaceSince"},
	{`unlisten`, "shutdownListeners"},
	{`desks?|(new)?[rR]ig(Of)?`, "testGateway, testRuntime"},
	// Sentences.
	{`(?i:told|tells?|telling)`, "report, send, log"},
	{`(?i:shall)`, "must"},
	{`beg(in|ins|an|un)|Beg(ins|an|un)`, "start"},
	{`[Nn]obody|[Ss]omebody|[Ee]verybody|[Ww]hoever`, "no client, a client, every client"},
	{`(?i:gives|gave|give back)`, "return, pass, set"},
	{`(?i:(come|comes|came|coming) back)`, "reconnect, return"},
	{`(?i:sent away)`, "rejected"},
	{`(?i:(is|are|not) said)`, "set, unset, documented"},
	{`(?i:who (is|was|has|had|does|can|cannot|may|must|wants|needs|knows|reads|takes|asks|sends|waits|comes|gets|leaves|stays))`, "a client that"},
	{`(?i:lets? (it |them |a client |clients )?(in|on))`, "accept, allow"},
	{`(?i:for ever)`, "forever, without end"},
	{`(?i:as ever)`, "as usual, normally"},
	{`(?i:all the same)`, "still, anyway"},
}

// allowedWords are phrases in which old words are right, each with the reason.
var allowedWords = map[string]string{}

// unchecked are folders and files that are not checked.
var unchecked = []string{
	"CHANGELOG.md",           // names what was renamed
	"internal/words_test.go", // names the old words
}

// TestOldWords: code, tests and pages have no word of oldWords.
func TestOldWords(t *testing.T) {
	all := make([]string, len(oldWords))
	for i, w := range oldWords {
		all[i] = w.pattern
	}
	some := whole(strings.Join(all, "|"))
	root := need.Root(t)
	for _, file := range written(t, root) {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			if file == "docs/reliability.md" && strings.HasPrefix(line, "|") {
				continue // generated from comments of tests
			}
			for phrase := range allowedWords {
				line = strings.ReplaceAll(line, phrase, "")
			}
			if !some.MatchString(line) {
				continue
			}
			for _, w := range oldWords {
				if hit := whole(w.pattern).FindString(line); hit != "" {
					t.Errorf("%s:%d: %q: write: %s", file, number, hit, w.instead)
				}
			}
		}
	}
}

// whole returns an expression of whole words.
func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`\b(` + pattern + `)\b`) }

// written returns the files of the repository with code, scripts and pages.
func written(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		switch {
		case slices.Contains(unchecked, filepath.ToSlash(name)), d.IsDir() && slices.Contains([]string{".git", ".cache", "bin", "node_modules", "testdata", "vendor"}, d.Name()):
			if d.IsDir() {
				return filepath.SkipDir
			}
		case d.Type().IsRegular() && (slices.Contains([]string{".go", ".md", ".tmpl", ".js", ".mjs", ".html", ".css", ".sh"}, filepath.Ext(name)) || program(d)):
			files = append(files, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 500 {
		t.Fatalf("%d files found: is this the root of the repository?", len(files))
	}
	return files
}

// program reports whether a file without an extension is a script or a Makefile.
func program(d fs.DirEntry) bool {
	info, err := d.Info()
	return err == nil && filepath.Ext(d.Name()) == "" && (info.Mode()&0o111 != 0 || d.Name() == "Makefile")
}
