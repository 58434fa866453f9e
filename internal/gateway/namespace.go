package gateway

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/keep"
)

// namespacePattern matches concrete namespaces and names their parts.
type namespacePattern struct {
	name string         // as declared, with a leading slash
	re   *regexp.Regexp // anchored at both ends
	fn   *config.NamespaceFunc
	// without re and fn: equality
}

func newNamespacePattern(name string) (namespacePattern, error) {
	name = "/" + strings.TrimPrefix(name, "/")
	if !strings.ContainsAny(name, "{}") {
		return namespacePattern{name: name}, nil
	}
	var b strings.Builder
	seen := map[string]bool{}
	for seg := range strings.SplitSeq(name[1:], "/") {
		b.WriteByte('/')
		inner, isVar := strings.CutPrefix(seg, "{")
		inner, closed := strings.CutSuffix(inner, "}")
		switch {
		case isVar && closed && identifier.MatchString(inner) && !seen[inner]:
			seen[inner] = true
			b.WriteString("(?P<" + inner + ">[^/]+)")
		case strings.ContainsAny(seg, "{}"):
			return namespacePattern{}, fmt.Errorf("segment %q must be a name in braces, each name once, such as /orgs/{org}", seg)
		default:
			b.WriteString(regexp.QuoteMeta(seg))
		}
	}
	re, err := regexp.Compile("^" + b.String() + "$")
	return namespacePattern{name: name, re: re}, err
}

// only returns the namespace where the pattern matches only one, otherwise "".
func (p namespacePattern) only() string {
	if p.re != nil || p.fn != nil {
		return ""
	}
	return p.name
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (p namespacePattern) match(ns string) bool {
	switch {
	case p.fn != nil:
		return strings.HasPrefix(ns, "/") && p.fn.Match(ns) // a label is no namespace
	case p.re != nil:
		return p.re.MatchString(ns)
	}
	return ns == p.name
}

// same compares patterns of one name.
func (p namespacePattern) same(q namespacePattern) bool {
	if p.re != nil && q.re != nil {
		return p.re.String() == q.re.String()
	}
	return (p.re == nil) == (q.re == nil) && p.fn.Same(q.fn)
}

// option returns the pattern as declared.
func (p namespacePattern) option() string {
	switch {
	case p.fn != nil:
		return fmt.Sprintf("NamespaceFunc(%q)", p.name)
	case p.re != nil && !strings.HasPrefix(p.re.String(), "^/"):
		return fmt.Sprintf("NamespaceRegexp(%s)", p.name)
	}
	return fmt.Sprintf("Namespace(%q)", p.name)
}

// differs returns what to do about two different patterns of one name.
func (p namespacePattern) differs(q namespacePattern) string {
	if p.fn != nil && q.fn != nil {
		return "Go does not compare functions: to share the namespaces, store the option in a package variable and give both that; otherwise choose another label"
	}
	return "choose another name"
}

// request returns r with the named parts of ns as path values.
func (p namespacePattern) request(r *http.Request, ns string) *http.Request {
	if p.re == nil || r == nil {
		return r
	}
	m := p.re.FindStringSubmatch(ns)
	if m == nil {
		return r
	}
	r = keep.Copy(r)
	for i, name := range p.re.SubexpNames() {
		if name != "" {
			r.SetPathValue(name, m[i])
		}
	}
	return r
}
