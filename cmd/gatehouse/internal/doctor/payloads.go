package doctor

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"strings"
)

// payloads finds types that no JSON has, in what gateways and routes of web.JSON receive and send. An application with a codec of its
// own may have a form for them.
func (c *checker) payloads() {
	codec := false
	c.calls(func(_ *pkg, _ *ast.CallExpr, callee *types.Func) { codec = codec || isOf(callee, "app", "JSON") })
	if codec {
		return
	}
	for _, p := range c.packages {
		for name, instance := range p.info.Instances {
			f, _ := p.info.Uses[name].(*types.Func)
			if !isOf(f, "websockets", "On", "Listen", "Stream", "NewEvent", "NewCall", "NewRequest", "NewStream") && !isOf(f, "web", "JSON") {
				continue
			}
			for t := range instance.TypeArgs.Types() {
				w := walker{checker: c, call: name.Pos(), seen: map[types.Type]bool{}}
				w.walk(t, use{name.Pos(), "the payload"})
			}
		}
	}
}

// use is where a type is used.
type use struct {
	pos  token.Pos
	what string
}

// walker walks through a type.
type walker struct {
	*checker

	call token.Pos
	seen map[types.Type]bool
}

func (w walker) walk(t types.Type, at use) {
	t = types.Unalias(t)
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	if n, ok := t.(*types.Named); ok {
		switch path := pathOf(n.Obj()); {
		case path == "time.Duration":
			w.report(at, "time.Duration", "use a number with its unit in the name, such as wait_ms, or a type with MarshalJSON and UnmarshalJSON")
			return
		case strings.HasPrefix(path, gatehouse+"/websockets."): // Response, Args2, Payload
			for arg := range n.TypeArgs().Types() {
				w.walk(arg, at)
			}
			return
		case hasForm(n):
			return
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Info()&types.IsComplex != 0 || u.Kind() == types.UnsafePointer {
			w.report(at, t.String(), "use a type with MarshalJSON and UnmarshalJSON")
		}
	case *types.Chan, *types.Signature:
		w.report(at, types.TypeString(t, shortly), `leave it out of the payload, or give the field the tag json:"-"`)
	case *types.Pointer:
		w.walk(u.Elem(), at)
	case *types.Slice:
		w.walk(u.Elem(), at)
	case *types.Array:
		w.walk(u.Elem(), at)
	case *types.Map:
		w.walk(u.Elem(), at)
	case *types.Struct:
		for i := range u.NumFields() {
			f, tags := u.Field(i), reflect.StructTag(u.Tag(i))
			if tag := tags.Get("json"); tag == "-" || strings.Contains(tag, "format:") || !f.Exported() && !f.Embedded() || isParameter(tags) {
				continue
			}
			what := fmt.Sprintf("the field %s", f.Name())
			if n, ok := t.(*types.Named); ok {
				what += " of " + types.TypeString(n, shortly)
			}
			w.walk(f.Type(), use{f.Pos(), what})
		}
	}
}

// isParameter reports whether the field is no JSON in a route of web.JSON.
func isParameter(tags reflect.StructTag) bool {
	for _, source := range []string{"path", "query", "header"} {
		if _, ok := tags.Lookup(source); ok {
			return true
		}
	}
	return false
}

func shortly(p *types.Package) string { return p.Name() }

func pathOf(o *types.TypeName) string {
	if o.Pkg() == nil {
		return o.Name()
	}
	return o.Pkg().Path() + "." + o.Name()
}

// hasForm reports whether a type, or a pointer to it, writes its own JSON.
func hasForm(n *types.Named) bool {
	set := types.NewMethodSet(types.NewPointer(n))
	for _, name := range []string{"MarshalJSON", "MarshalJSONTo", "MarshalText", "AppendText", "UnmarshalJSON", "UnmarshalJSONFrom", "UnmarshalText"} {
		if set.Lookup(nil, name) != nil {
			return true
		}
	}
	return false
}

// report adds a finding at a field, or at the call where the field is not in the checked modules.
func (w walker) report(at use, name, fix string) {
	pos := at.pos
	file := w.fset.Position(pos).Filename
	inside := false
	for _, m := range w.modules() {
		if rel, err := filepath.Rel(m.Dir, file); err == nil && filepath.IsAbs(file) && filepath.IsLocal(rel) {
			inside = true
		}
	}
	if !inside {
		pos = w.call
	}
	w.reportf(pos, false, fix, "%s has the type %s, which has no form in JSON", at.what, name)
}
