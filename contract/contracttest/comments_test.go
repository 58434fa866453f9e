package contracttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/contract/contracttest/internal/commented"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

const commentedPath = "github.com/gatehouse-go/gatehouse/contract/contracttest/internal/commented."

// TestComments: the first paragraph of the comment of each kind of name.
func TestComments(t *testing.T) {
	need.Program(t, "", "go")
	c := &comments{t, map[string]map[string]string{}}
	for name, want := range map[string]string{
		commentedPath + "Message":           "Message is what Gateway sends, in one line or two.",
		commentedPath + "Page":              "Page has a type parameter.",
		commentedPath + "(*Gateway).Say":    "Say returns its payload.",
		commentedPath + "(*Gateway).quiet":  "",
		commentedPath + "Value.Get":         "Get is a method of a value.",
		commentedPath + "(*Page[...]).Next": "Next is a method of a generic type.",
		commentedPath + "Echo":              "Echo is a function.",
		commentedPath + "NewGateway":        "NewGateway returns the gateway.",
		commentedPath + "nothing":           "",
		"example.com/not/there.Message":     "",
		"time.Duration":                     "A Duration represents the elapsed time between two instants as an int64 nanosecond count. The representation limits the largest representable duration to approximately 290 years.",
		"no name of a package":              "",
	} {
		if got := c.of(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestCommentsInDocuments: the documents and the client have them.
func TestCommentsInDocuments(t *testing.T) {
	need.Program(t, "", "go")
	t.Setenv(Variable, "1")
	dir := t.TempDir()
	Golden(t, dir, commented.Module, Comments(), TypeScript(dir))
	for file, want := range map[string][]string{
		"asyncapi.json": {`"description": "Say returns its payload."`, `"description": "Message is what Gateway sends, in one line or two."`},
		"openapi.json":  {`"description": "list returns messages."`},
		"client.ts":     {"    /** Say returns its payload. */\n    say: ", "/** Message is what Gateway sends, in one line or two. */\nexport interface Message {"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s has no %q:\n%s", file, w, text)
			}
		}
	}
}

// TestCommentsWithoutGo: documents are not silently without descriptions.
func TestCommentsWithoutGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := &testkit.Recorder{TB: t}
	c := &comments{r, map[string]map[string]string{}}
	if got := c.of(commentedPath + "Message"); got != "" {
		t.Errorf("got %q", got)
	}
	r.Want("contracttest: Comments: go list: ", "run the test where the go command is, or without this option")
}
