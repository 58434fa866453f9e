package module

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// missing reports a dependency that the module does not see.
func (r *resolver) missing(n *node, nd *need) {
	hint := r.missingHint(n.scope, nd.key)
	if named := r.hintBind(n.scope, nd.key); named != "" && n.provider.source == fromModule {
		hint = named
	}
	r.inModule(ProblemMissing, n.scope, n, "needs "+r.labeled(nd)+", which is not available in the module", hint)
}

// labeled returns a dependency with its parameter, if it is one.
func (r *resolver) labeled(nd *need) string {
	name := r.keyName(nd.key)
	if nd.handle != nil {
		name = "the server of the gateway " + name
	}
	if nd.label == "" {
		return name
	}
	return name + " (" + nd.label + ")"
}

// missingHint returns the most likely fix. It is computed once per module and key.
func (r *resolver) missingHint(s *scope, k key) string {
	lk := lookupKey{s.id, k}
	hint, ok := r.hints[lk]
	if !ok {
		hint = r.findHint(s, k)
		r.hints[lk] = hint
	}
	return hint
}

// findHint tries the most certain fix first.
func (r *resolver) findHint(s *scope, k key) string {
	for _, find := range []func(*scope, key) string{
		r.hintExported, r.hintPrivate, r.hintController,
		r.hintImplemented, r.hintNarrowed, r.hintPointer, r.hintName,
	} {
		if hint := find(s, k); hint != "" {
			return hint
		}
	}
	if len(s.m.fxOptions) > 0 {
		return fmt.Sprintf("if the raw fx options of the module provide it, add module.FromFx[%s]() to module.Providers",
			r.typeName(k.t))
	}
	if builtin(key{t: k.t}) {
		return "declare " + k.t.String() + " as a plain parameter; fx provides it"
	}
	if k.name != "" {
		return fmt.Sprintf("add a constructor for it to module.Providers, as module.Named(%q, …)", k.name)
	}
	return "add a constructor for it to module.Providers"
}

func (r *resolver) hintExported(s *scope, k key) (hint string) {
	for _, other := range r.scopes {
		res, ok := other.exported[k]
		switch {
		case !ok || other == s:
		case !r.needs(other, s):
			return fmt.Sprintf("module %s exports it; add %s to module.Imports", other.m.name, importable(other.m))
		case hint == "":
			hint = fmt.Sprintf("module %s exports it. ", other.m.name) + r.mutual(s, other, res, k)
		}
	}
	return hint
}

// mutual returns the hint for a module that needs a result of a module which imports it.
func (r *resolver) mutual(s, other *scope, res *result, k key) string {
	hint := fmt.Sprintf("It imports module %s, and Go does not initialize two package variables that use each other: "+
		"move %s to a module that both import, or add module.Global() to module %s", s.m.name, res.node.name, other.m.name)
	if instead := res.instead(r.typeName(k.t)); instead != "" {
		hint += ". To send only, inject " + instead + ", which needs no import"
	}
	return hint
}

// needs reports whether a module imports another one, directly or through others.
func (r *resolver) needs(s, other *scope) bool {
	r.generation++
	var walk func(*scope) bool
	walk = func(s *scope) bool {
		if s == other {
			return true
		}
		if s.visited == r.generation {
			return false
		}
		s.visited = r.generation
		return slices.ContainsFunc(s.imports, walk)
	}
	return walk(s)
}

func (r *resolver) hintPrivate(s *scope, k key) string {
	for _, other := range r.scopes {
		res, ok := other.own[k]
		if !ok || other == s {
			continue
		}
		hint := fmt.Sprintf("module %s provides it privately; move %s to module.Exports",
			other.m.name, res.node.name)
		switch {
		case slices.Contains(r.visibleModules(s), other):
		case r.needs(other, s):
			hint += ". " + r.mutual(s, other, res, k)
		default:
			hint += " and add " + importable(other.m) + " to module.Imports"
		}
		return hint
	}
	return ""
}

// importable describes a module for module.Imports, by its variable if that is known.
func importable(m *Module) string {
	if v := m.variable(); v != "" {
		return v
	}
	return "module " + m.String()
}

func (r *resolver) hintController(s *scope, k key) string {
	for _, other := range r.scopes {
		for _, n := range other.nodes {
			if n.kind != KindController {
				continue
			}
			for _, res := range n.results {
				if slices.Contains(res.keys, k) {
					list := "module.Providers"
					if other != s {
						list = "module.Exports of module " + other.m.name
					}
					return fmt.Sprintf("%s is a controller, which cannot be injected; move it to %s", n, list)
				}
			}
		}
	}
	return ""
}

func (r *resolver) hintImplemented(s *scope, k key) string {
	if k.t.Kind() != reflect.Interface || k.t.NumMethod() == 0 {
		return ""
	}
	for _, have := range r.visible(s).keys {
		n := have.from.node
		if have.name != k.name || !have.t.Implements(k.t) {
			continue
		}
		if len(n.results) > 1 || n.provider.source != fromConstructor || len(n.provider.as) > 0 {
			return fmt.Sprintf("%s of module %s provides %s, which implements it; add func(v %[3]s) %s { return v } to module.Providers",
				n, n.scope.m.name, r.typeName(have.t), r.typeName(k.t))
		}
		return fmt.Sprintf("%s of module %s provides %s, which implements it; use module.As[%s](%s)",
			n, n.scope.m.name, r.typeName(have.t), r.typeName(k.t), n.name)
	}
	return ""
}

// hintNarrowed finds a result that module.As provides only as an interface.
func (r *resolver) hintNarrowed(s *scope, k key) string {
	for _, have := range r.visible(s).keys {
		if n := have.from.node; have.from.out.t == k.t && have.name == k.name {
			return fmt.Sprintf("%s of module %s provides it only as %s (module.As); inject that type",
				n, n.scope.m.name, r.typeName(have.t))
		}
	}
	return ""
}

func (r *resolver) hintPointer(s *scope, k key) (hint string) {
	other := reflect.PointerTo(k.t)
	if k.t.Kind() == reflect.Pointer {
		other = k.t.Elem()
	}
	if f := r.lookup(s, key{other, k.name}); len(f.results) > 0 {
		return fmt.Sprintf("%s provides %s; inject that type", f.results[0].node, r.typeName(other))
	}
	return ""
}

func (r *resolver) hintName(s *scope, k key) string {
	for _, have := range r.visible(s).keys {
		switch {
		case have.t != k.t:
		case have.name == "":
			return fmt.Sprintf("%s provides it without a name; remove the name tag", have.from.node)
		default:
			return fmt.Sprintf("%s provides it as %q; inject it with an fx.In field with the tag `name:%[2]q`",
				have.from.node, have.name)
		}
	}
	return ""
}

// ambiguous reports a dependency for which several results are visible.
func (r *resolver) ambiguous(n *node, nd *need, f found) {
	var from []string
	for _, res := range f.results {
		from = append(from, fmt.Sprintf("%s of module %s", res.node, res.node.scope.m))
	}
	what, hint := "imports export", "import only one of them, or distinguish them with module.Named"
	switch f.level {
	case levelGlobal:
		what, hint = "global modules export", "import the intended one, or distinguish them with module.Named"
	case levelElsewhere:
		what, hint = "modules export", "import the intended one, or distinguish them with module.Named"
	}
	r.inModule(ProblemAmbiguous, n.scope, n, fmt.Sprintf("needs %s, which %d %s: %s",
		r.labeled(nd), len(f.results), what, strings.Join(from, " and ")), hint)
}
