package jsonschema

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameAll names the types. A type has its own name. Where names are equal, all of these types have the last element of their
// package's path in front, then more of the path. So the name depends on no other type but those with which it is in conflict.
func (s *Set) nameAll() {
	for {
		owners := map[string][]*definition{}
		for _, d := range s.order {
			for _, name := range d.names() {
				owners[name] = append(owners[name], d)
			}
		}
		longer := map[*definition]bool{}
		for name, ds := range owners {
			if len(ds) < 2 && !slices.Contains(s.opts.Reserved, name) {
				continue
			}
			for _, d := range ds {
				longer[d] = true
			}
		}
		if !lengthen(longer) { // also without conflicts
			s.number(longer)
			break
		}
	}
	for _, d := range s.order {
		for _, r := range d.refs {
			if r != nil {
				r.rep.name = d.nameOf(r.rep)
			}
		}
	}
}

// lengthen adds an element of its package's path to the name of each type. It returns false if nothing is left to add.
func lengthen(defs map[*definition]bool) bool {
	changed := false
	for d := range defs {
		if d.level < len(pathElements(d.typ)) {
			d.level++
			changed = true
		}
	}
	return changed
}

// number numbers types with equal names in one package, such as those that functions declare, in the order of first use.
func (s *Set) number(defs map[*definition]bool) {
	taken := map[string]bool{}
	for _, name := range s.opts.Reserved {
		taken[name] = true
	}
	for _, d := range s.order {
		if defs[d] {
			continue
		}
		for _, name := range d.names() {
			taken[name] = true
		}
	}
	isTaken := func(name string) bool { return taken[name] }
	for _, d := range s.order {
		if !defs[d] {
			continue
		}
		for slices.ContainsFunc(d.names(), isTaken) {
			d.number = max(d.number+1, 2)
		}
		for _, name := range d.names() {
			taken[name] = true
		}
	}
}

// qualified returns the name without what depends on the use.
func (d *definition) qualified() string {
	name := d.base
	if d.level > 0 {
		elements := pathElements(d.typ)
		name = strings.Join(elements[len(elements)-d.level:], "") + capital(name)
	}
	if d.number > 0 {
		name += fmt.Sprint(d.number)
	}
	return name
}

// names returns the names of the refs that are written.
func (d *definition) names() (all []string) {
	for _, r := range d.refs {
		if r != nil && r.rep == r {
			all = append(all, d.nameOf(r))
		}
	}
	return all
}

// nameOf returns the name of a ref that is written: with Binary or Input where the type has another one without.
func (d *definition) nameOf(r *Ref) string {
	name := d.qualified()
	for _, flag := range []struct {
		use    Use
		suffix string
	}{{Binary, "Binary"}, {Received, "Input"}} {
		if r.use&flag.use == 0 {
			continue
		}
		if slices.ContainsFunc(d.refs[:], func(o *Ref) bool { return o != nil && o.rep == o && o.use&flag.use == 0 }) {
			name += flag.suffix //nolint:modernize // at most two
		}
	}
	return name
}

var (
	majorVersion = regexp.MustCompile(`^v[0-9]+$`)
	localNumber  = regexp.MustCompile(`·[0-9]+`)
)

// pathElements returns the elements of the path of a type's package, as parts of names.
func pathElements(t reflect.Type) (all []string) {
	for e := range strings.SplitSeq(t.PkgPath(), "/") {
		if e != "" && !majorVersion.MatchString(e) {
			all = append(all, capital(identifier(e)))
		}
	}
	return all
}

// baseName returns the name of a type without its package: Page[chat.Message] is PageMessage.
func baseName(t reflect.Type) string {
	name, args, generic := strings.Cut(localNumber.ReplaceAllString(t.Name(), ""), "[")
	if !generic {
		return identifier(name)
	}
	b := strings.Builder{}
	b.WriteString(identifier(name))
	for arg := range strings.FieldsFuncSeq(args, func(r rune) bool { return strings.ContainsRune("[]*,; (){}\"", r) }) {
		arg = arg[strings.LastIndexByte(arg, '/')+1:]
		arg = arg[strings.LastIndexByte(arg, '.')+1:]
		b.WriteString(capital(identifier(arg)))
	}
	return b.String()
}

// identifier returns a text without the characters that names in documents must not have.
func identifier(text string) string {
	b := strings.Builder{}
	upper := false
	for _, r := range text {
		switch {
		case r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if upper {
				r = unicode.ToUpper(r)
			}
			b.WriteRune(r)
			upper = false
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			fmt.Fprintf(&b, "U%04X", r)
		default:
			upper = true // as in go-chi
		}
	}
	return b.String()
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
