package place

import (
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
)

// program is what the folders in messages depend on.
type program struct {
	module string // the path of the main module; "" if it is unknown
	pkg    string // of package main; "" if it is unknown
	cached []cached
	root   atomic.Pointer[string] // the folder of the main module; nil until learn has found it
}

// cached is a module in the cache of modules.
type cached struct{ module, folder string } // the folder is /example.com/!shop@v1.2.0/

var main = sync.OnceValue(func() *program {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return &program{}
	}
	p := &program{module: info.Main.Path, pkg: info.Path}
	if p.pkg == "command-line-arguments" { // go run main.go
		p.pkg = ""
	}
	for _, dep := range info.Deps {
		from := dep
		if dep.Replace != nil {
			from = dep.Replace
		}
		p.cached = append(p.cached, cached{dep.Path, "/" + escaped(from.Path) + "@" + escaped(from.Version) + "/"})
	}
	return p
})

// folder returns the folder of a file in messages: from the root of the main module, or else the
// import path of its package; "" for the root, and if it is unknown.
func (p *program) folder(function, file string) string {
	pkg, dir := p.packageOf(function, file), path.Dir(slashed(file))
	if mayBeInlined(function) {
		if in := p.packageIn(dir); in != "" {
			pkg = in
		} else if last := path.Base(dir); last != path.Base(pkg) {
			return last
		}
	}
	if rel, ok := p.inMain(pkg); ok {
		return rel
	}
	return pkg
}

// learn notes the folder of the main module, if the function is of that module. Functions that the
// compiler has copied from other packages need it: see mayBeInlined.
func (p *program) learn(function, file string) {
	if p.root.Load() != nil || mayBeInlined(function) || !filepath.IsAbs(file) {
		return
	}
	rel, ok := p.inMain(p.packageOf(function, file))
	root := path.Dir(slashed(file))
	if ok && rel != "" {
		root, ok = strings.CutSuffix(root, "/"+rel)
	}
	if ok {
		p.root.Store(&root)
	}
}

// inMain returns the folder of a package of the main module, from its root.
func (p *program) inMain(pkg string) (rel string, ok bool) {
	if p.module == "" {
		return "", false
	}
	if rel, ok = strings.CutPrefix(pkg, p.module); !ok || rel == "" {
		return "", ok
	}
	return strings.CutPrefix(rel, "/")
}

// packageOf returns the import path of the package of a function; "" if it is unknown.
func (p *program) packageOf(function, file string) string {
	pkg, _ := cut(function)
	if pkg == "main" {
		return p.pkg
	}
	if strings.HasSuffix(file, "_test.go") && path.Base(path.Dir(slashed(file))) != path.Base(pkg) {
		pkg = strings.TrimSuffix(pkg, "_test") // an external test
	}
	return pkg
}

// packageIn returns the import path of the package in a folder, as the compiler had it; "" if it is
// unknown.
func (p *program) packageIn(dir string) string {
	if !filepath.IsAbs(dir) { // -trimpath: example.com/shop@v1.2.0/cart
		module, rest, _ := strings.Cut(dir, "@")
		_, rest, _ = strings.Cut(rest, "/")
		return path.Join(module, rest)
	}
	if root := p.root.Load(); root != nil {
		if rel, ok := strings.CutPrefix(dir+"/", *root+"/"); ok {
			if vendored, ok := strings.CutPrefix(rel, "vendor/"); ok {
				return path.Clean(vendored)
			}
			return path.Join(p.module, rel)
		}
	}
	for _, c := range p.cached {
		if _, rest, ok := strings.Cut(dir+"/", c.folder); ok {
			return path.Join(c.module, rest)
		}
	}
	return ""
}

// mayBeInlined reports whether a function may be of another package than its name says: when the
// compiler inlines a function that has a literal, the copy of the literal has the name of the
// function that it is in then, and its file and line. auth.Guarded.func1 becomes
// main.main.Guarded.func2. The name alone does not distinguish it from a literal in a method of a
// value, main.Guard.Check.func1.
func mayBeInlined(function string) bool {
	_, name := cut(function)
	names, literals := 0, false
	for part := range strings.SplitSeq(name, ".") {
		switch {
		case strings.HasPrefix(part, "("), strings.Trim(part, "0123456789") == "": // (*Guard), init.0
		case isLiteral(part):
			literals = true
		default:
			names++
		}
	}
	return literals && names > 1
}

// isLiteral reports whether a part of the name of a function stands for a function without a name.
func isLiteral(part string) bool {
	for _, kind := range []string{"func", "gowrap", "deferwrap"} {
		if n, ok := strings.CutPrefix(part, kind); ok && n != "" && strings.Trim(n, "0123456789") == "" {
			return true
		}
	}
	return false
}

// cut cuts the name of a function into its package and the rest, without type arguments.
func cut(function string) (pkg, name string) {
	var b strings.Builder // type arguments may have slashes and dots
	depth := 0
	for _, c := range function {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0:
			b.WriteRune(c)
		}
	}
	all := b.String()
	slash := strings.LastIndexByte(all, '/') + 1
	last, name, ok := strings.Cut(all[slash:], ".")
	if !ok {
		return "", all
	}
	return unescaped(all[:slash] + last), name
}

// unescaped replaces the %2e that the compiler writes for a dot in the last part of a path, and
// what it writes for other characters.
func unescaped(path string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(path, "%")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if len(after) >= 2 {
			if c, err := strconv.ParseUint(after[:2], 16, 8); err == nil {
				b.WriteByte(byte(c))
				path = after[2:]
				continue
			}
		}
		b.WriteByte('%')
		path = after
	}
}

// escaped returns a path or version as it is in the cache of modules: !shop for Shop.
func escaped(s string) string {
	var b strings.Builder
	for _, c := range s {
		if unicode.IsUpper(c) {
			b.WriteByte('!')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
