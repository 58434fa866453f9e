package gateway

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestPathProblem(t *testing.T) {
	prefix, pattern := adapter.Traits{}, adapter.Traits{UpgradeOnly: true, PathPatterns: true}
	for _, tt := range []struct {
		path, prefix, pattern string
	}{
		{"", "", ""},
		{"/", "", ""},
		{"chat", "", ""},
		{"/socket.io/", "", ""},
		{"/a b/ä", "", ""},
		{"/rooms/{room}", "", ""},
		{" /chat", `no request has a path with blanks around it: write "/chat"`, `no request has a path with blanks around it: write "/chat"`},
		{"/chat?v=1", `a path has no query or fragment: write "/chat"`, `a path has no query or fragment: write "/chat"`},
		{"chat#top", `a path has no query or fragment: write "/chat"`, `a path has no query or fragment: write "/chat"`},
		{"ws://localhost:3000/chat", `must be a path, without scheme and host: write "/chat"`, `must be a path, without scheme and host: write "/chat"`},
		{"https://app.example", `must be a path, without scheme and host: write "/"`, `must be a path, without scheme and host: write "/"`},
		{"GET /chat", `a path has no method: write "/chat"`, `a path has no method: write "/chat"`},
		{"/GET /chat", "", ""},
		{"/a%20b", `paths are compared decoded: write "/a b"`, ""}, // http.ServeMux decodes
		{"/a//b", `no request has this path: write "/a/b"`, ""},
		{"/a/../b/", `no request has this path: write "/b"`, ""},
	} {
		if got := pathProblem(tt.path, prefix); got != tt.prefix {
			t.Errorf("prefix %q: %q, want %q", tt.path, got, tt.prefix)
		}
		if got := pathProblem(tt.path, pattern); got != tt.pattern {
			t.Errorf("pattern %q: %q, want %q", tt.path, got, tt.pattern)
		}
	}
}

func TestNamespaceProblem(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "/": "", "chat": "", "/orgs/{org}": "", "/größe": "", "/a b": "",
		strings.Repeat("n", 511): "", strings.Repeat("n", 512): "it has 513 bytes, and packets may name namespaces with 512: choose a shorter one",
		"/orgs/{" + strings.Repeat("n", 600) + "}": "",
		"/\xff":                      "it is not UTF-8, which every packet is: choose another name",
		" chat":                      `has blanks around it: write "chat"`,
		"https://app.example/chat?x": `clients send the path of their URL: write "/chat"`,
		"/chat\n":                    `has blanks around it: write "/chat"`,
		"/chat?v1":                   `clients do not send what follows '?': write "/chat"`,
		"/a,b":                       "no packet can name a namespace with a comma: remove it",
		"/chat#x":                    `clients do not send what follows '#': write "/chat"`,
	} {
		if got := namespaceProblem(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestMatchesSlash(t *testing.T) {
	for expr, want := range map[string]bool{
		"/chat": true, "/.*": true, ".*": true, ".+": true, "[/a]x": true, "(?:a|/b)": true, "a?/b": true, "(?P<x>/)": true, `\W+`: true,
		"(?i)/CHAT": true, "^/chat$": true, "[^a]": true, "(": true,
		"chat": false, "chat-[0-9]+": false, "[a-z]+": false, "": false, "a|b": false, "^chat": false, `\w+/x`: false, "a*": false,
	} {
		if got := matchesSlash(expr); got != want {
			t.Errorf("%q: %t, want %t", expr, got, want)
		}
	}
}
