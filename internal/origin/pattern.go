package origin

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// Pattern is what an option lists: one origin, those of all hosts below one, or all. It is
// comparable, and equal for texts that match the same origins.
type Pattern struct {
	Origin Origin
	Kind   Kind
}

// Kind is what a [Pattern] matches.
type Kind uint8

// The kinds of patterns.
const (
	Exact Kind = iota // Origin
	Below             // the hosts with one or more labels before that of Origin
	Any               // every origin, "null" too
)

// String returns the pattern as options list it.
func (p Pattern) String() string {
	switch p.Kind {
	case Any:
		return "*"
	case Below:
		return p.Origin.Scheme + "://*." + p.Origin.authority()
	}
	return p.Origin.String()
}

// Matches reports whether the pattern matches an origin.
func (p Pattern) Matches(o Origin) bool {
	switch p.Kind {
	case Any:
		return true
	case Below:
		rest, ok := strings.CutSuffix(o.Host, "."+p.Origin.Host)
		return ok && rest != "" && o.Scheme == p.Origin.Scheme && o.Port == p.Origin.Port
	}
	return o == p.Origin
}

// Null is the Origin of pages without one: files, sandboxed frames, and what a redirect to
// another site has sent.
const Null = "null"

// ParsePattern parses an origin of an option: "https://app.example.com",
// "https://*.example.com", "capacitor://localhost", "file://" or "*". The error says what no
// browser sends, and what to write instead. function is the option for what a pattern cannot
// say.
func ParsePattern(text, function string) (Pattern, error) {
	if text == "*" {
		return Pattern{Kind: Any}, nil
	}
	fail := func(format string, args ...any) (Pattern, error) {
		return Pattern{}, fmt.Errorf("origin %q "+format, append([]any{text}, args...)...)
	}
	if trimmed := strings.TrimSpace(text); trimmed != text && trimmed != "" {
		return fail("has blanks around it: write %q", trimmed)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || !isScheme(scheme) {
		if text == Null {
			return fail("is that of files and of every sandboxed page: to allow it, use %s", function)
		}
		return fail(`must be scheme and host, such as "https://app.example.com"`)
	}
	p := Pattern{Origin: Origin{Scheme: strings.ToLower(scheme)}}
	rest = strings.TrimSuffix(rest, "/")
	if p.Origin.Scheme == "file" && rest == "" {
		return p, nil
	}
	if i := strings.IndexAny(rest, ",; "); i >= 0 && strings.Contains(rest[i:], "://") {
		return fail("has several origins: list each on its own")
	}
	if _, after, found := strings.Cut(rest, "@"); found {
		return fail("has a user, which browsers do not send: write %q", scheme+"://"+after)
	}
	if i := strings.IndexAny(rest, "/?#\\"); i > 0 {
		return fail("must be scheme and host: write %q", scheme+"://"+rest[:i])
	}
	switch p.Origin.Scheme {
	case "ws", "wss":
		return fail("has the scheme of the connection, and browsers send that of the page: write %q", "http"+p.Origin.Scheme[2:]+"://"+rest)
	case "http", "https":
		if label := aLabel(rest); label != rest {
			return fail("has letters that browsers send in ASCII: write %q", scheme+"://"+label)
		}
	}
	if after, found := strings.CutPrefix(rest, "*."); found {
		p.Kind, rest = Below, after
	}
	if strings.Contains(rest, "*") {
		return fail(`has a wildcard elsewhere than in "https://*.example.com": list the origins, or use %s`, function)
	}
	var problem string
	if p.Origin, problem = hostOf(p.Origin.Scheme, rest); problem != "" {
		return fail("%s", problem)
	}
	if p.Kind == Below && p.Origin.isAddress() {
		return fail("has a wildcard before an address, which has no hosts below it: write %q", p.Origin)
	}
	return p, nil
}

// hostOf returns the origin of a scheme, and a host with its port. problem says what no browser sends.
func hostOf(scheme, text string) (o Origin, problem string) {
	o.Scheme = scheme
	if text == "" || strings.IndexByte(":/?#\\", text[0]) >= 0 {
		return o, `must be scheme and host, such as "https://app.example.com"`
	}
	for _, c := range text {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune("\"%<>^`{|}", c) {
			return o, fmt.Sprintf("has the character %q, which is in no origin: remove it", c)
		}
	}
	var ok bool
	if o.Host, o.Port, ok = splitHost(o.Scheme, text); !ok || o.Port == "0" {
		return o, "has a host or port that no origin has: write scheme://host, or scheme://host:port with a port from 1 to 65535"
	}
	if !o.isWeb() || o.Host[0] == '[' {
		return o, ""
	}
	if rest, found := strings.CutPrefix(o.Host, "."); found && rest != "" {
		below := Pattern{Origin{o.Scheme, rest, o.Port}, Below}
		return o, fmt.Sprintf("starts with a dot: write %q for the hosts below it", below)
	}
	if strings.Contains(o.Host, "..") || o.Host == "." {
		return o, "has an empty label: remove a dot"
	}
	labels := strings.Split(strings.TrimSuffix(o.Host, "."), ".")
	if isNumber(labels[len(labels)-1]) {
		if a, err := netip.ParseAddr(o.Host); err != nil || a.String() != o.Host {
			return o, "has a number for its last label, which browsers take for an IPv4 address: write that with four numbers"
		}
	}
	return o, ""
}

// isNumber reports whether browsers take a label for a number, https://url.spec.whatwg.org/#ends-in-a-number-checker.
func isNumber(label string) bool {
	if hex, found := strings.CutPrefix(label, "0x"); found && strings.Trim(hex, "0123456789abcdef") == "" {
		return true
	}
	return strings.Trim(label, "0123456789") == ""
}

// isAddress reports whether the host is an address.
func (o Origin) isAddress() bool {
	_, err := netip.ParseAddr(o.Host)
	return o.isWeb() && (err == nil || o.Host[0] == '[')
}

// aLabel returns a host with its labels as browsers send them: "xn--…" for those beyond ASCII.
func aLabel(host string) string {
	if !strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }) {
		return host
	}
	host = strings.NewReplacer("。", ".", "．", ".", "｡", ".").Replace(strings.ToLower(host))
	if strings.ContainsFunc(host, changed) {
		return "xn--…"
	}
	labels := strings.Split(host, ".")
	for i, l := range labels {
		labels[i] = punycode(l)
	}
	return strings.Join(labels, ".")
}

// changed reports whether browsers may send another letter in the place of one in lower case, UTS #46. It is false for
// ASCII and for the usual letters of Latin, Greek, Cyrillic, Hebrew, Japanese, Chinese and Korean.
func changed(r rune) bool {
	switch {
	case r >= 0xdf && r <= 0x17e:
		return !unicode.IsLower(r) || strings.ContainsRune("ĳŀŉ", r)
	case r < 0x80, r >= 0x3ac && r <= 0x3ce, r >= 0x430 && r <= 0x45f, r >= 0x5d0 && r <= 0x5ea,
		r >= 0x3041 && r <= 0x3096, r >= 0x30a1 && r <= 0x30fc, r >= 0x4e00 && r <= 0x9fff, r >= 0xac00 && r <= 0xd7a3:
		return false
	}
	return true
}
