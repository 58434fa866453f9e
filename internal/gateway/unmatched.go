package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// pathProblem returns what is wrong with a Path that no request has; "" for nothing. declared is
// without the leading slash that is added.
func pathProblem(declared string, traits adapter.Traits) string {
	clean := func(p string) string { return "/" + strings.TrimPrefix(p, "/") }
	if u, err := url.Parse(declared); err == nil && u.Scheme != "" && u.Host != "" {
		return fmt.Sprintf("must be a path, without scheme and host: write %q", clean(u.Path))
	}
	if method, rest, found := strings.Cut(declared, " /"); found && method == http.MethodGet {
		return fmt.Sprintf("a path has no method: write %q", clean(rest))
	}
	if trimmed := strings.TrimSpace(declared); trimmed != declared {
		return fmt.Sprintf("no request has a path with blanks around it: write %q", clean(trimmed))
	}
	if i := strings.IndexAny(declared, "?#"); i >= 0 {
		return fmt.Sprintf("a path has no query or fragment: write %q", clean(declared[:i]))
	}
	if traits.UpgradeOnly { // httpmux.CheckPatterns finds the rest
		return ""
	}
	p := clean(declared)
	if decoded, err := url.PathUnescape(p); err == nil && decoded != p {
		return fmt.Sprintf("paths are compared decoded: write %q", decoded)
	}
	if c := path.Clean(p); p != c && p != c+"/" {
		return fmt.Sprintf("no request has this path: write %q", c)
	}
	return ""
}

// maxNamespace is the largest name in a packet of Socket.IO, in bytes, with its slash.
const maxNamespace = 512

// namespaceProblem returns what is wrong with a Namespace that no client can name; "" for nothing.
func namespaceProblem(name string) string {
	if u, err := url.Parse(name); err == nil && u.Scheme != "" && u.Host != "" {
		return fmt.Sprintf("clients send the path of their URL: write %q", "/"+strings.TrimPrefix(u.Path, "/"))
	}
	if trimmed := strings.TrimSpace(name); trimmed != name {
		return fmt.Sprintf("has blanks around it: write %q", trimmed)
	}
	if !utf8.ValidString(name) {
		return "it is not UTF-8, which every packet is: choose another name"
	}
	if n := len("/" + strings.TrimPrefix(name, "/")); n > maxNamespace && !strings.Contains(name, "{") {
		return fmt.Sprintf("it has %d bytes, and packets may name namespaces with %d: choose a shorter one", n, maxNamespace)
	}
	if strings.Contains(name, ",") { // it ends the name in a packet
		return "no packet can name a namespace with a comma: remove it"
	}
	if i := strings.IndexAny(name, "?#"); i >= 0 {
		return fmt.Sprintf("clients do not send what follows %q: write %q", name[i], name[:i])
	}
	return ""
}

// matchesSlash reports whether an expression can match a text that starts with a slash, as
// every namespace does.
func matchesSlash(expr string) bool {
	re, err := syntax.Parse("^(?:"+expr+")$", syntax.Perl)
	if err != nil {
		return true // reported elsewhere
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return true
	}
	seen := map[uint32]bool{}
	var from func(pc uint32) bool
	from = func(pc uint32) bool {
		if seen[pc] {
			return false
		}
		seen[pc] = true
		switch i := &prog.Inst[pc]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			return from(i.Out) || from(i.Arg)
		case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
			return from(i.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			return i.MatchRune('/')
		}
		return false // InstFail, and InstMatch: the empty text is no namespace
	}
	return from(uint32(prog.Start))
}
