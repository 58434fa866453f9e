package pipe

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse-go/gatehouse/module"
)

// Overrides put values in the place of what is bound, for tests. A graph carries them, see
// [Override]. They are safe for concurrent use.
type Overrides struct {
	mu    sync.Mutex
	all   []*override
	bound map[Role]map[string]bool // what was bound, for messages
}

type override struct {
	role Role
	typ  reflect.Type
	by   any
	name string // of the option, with its place, for messages
	used bool
}

type overridesKey struct{}

// Override adds to o, and returns the options of module.Resolve that it needs: by is bound wherever a t
// is bound in a role. Constructors of t that are bound, and that the module does not provide, are
// not called.
func (o *Overrides) Override(role Role, t reflect.Type, by any, name string) []module.ResolveOption {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, &override{role: role, typ: t, by: by, name: name})
	opts := []module.ResolveOption{module.WithValue(overridesKey{}, o)}
	if by != nil && only(role, t) {
		opts = append(opts, module.OverrideAttached(t, by))
	}
	return opts
}

// only reports whether a type can be bound in one role alone.
func only(role Role, t reflect.Type) bool {
	for r := range contracts {
		if (r == role) != r.implementedBy(t) {
			return false
		}
	}
	return true
}

// override returns what is bound in place of v, which it returns itself if there is no override.
func (b Built) override(it *Item, v any) any {
	if b.graph == nil {
		return v
	}
	o, ok := b.graph.Value(overridesKey{}).(*Overrides)
	if !ok {
		return v
	}
	static := reflect.TypeOf(v)
	if it.ctor != nil {
		static = it.typ
	}
	return o.replace(it.role, static, it.name(), v)
}

// Add is [Scope.Add] with overrides.
func (b Built) Add(s *Scope, v any) bool {
	o, overridden := (*Overrides)(nil), false
	if b.graph != nil {
		o, overridden = b.graph.Value(overridesKey{}).(*Overrides)
	}
	if v == nil || !overridden {
		return s.Add(v)
	}
	found := false
	for _, role := range []Role{Guard, Interceptor, Pipe, Filter} {
		if role.implementedBy(reflect.TypeOf(v)) {
			found = true
			s.add(role, o.replace(role, reflect.TypeOf(v), fmt.Sprintf("%T", v), v), fmt.Sprintf("%T", v))
		}
	}
	return found
}

func (o *Overrides) replace(role Role, static reflect.Type, name string, v any) any {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bound == nil {
		o.bound = map[Role]map[string]bool{}
	}
	if o.bound[role] == nil {
		o.bound[role] = map[string]bool{}
	}
	if static.PkgPath() == contracts[role].PkgPath() { // a function
		o.bound[role]["the function "+name] = true
	} else {
		o.bound[role][static.String()] = true
	}
	for _, x := range o.all {
		if x.by != nil && x.role == role && x.typ.PkgPath() != contracts[role].PkgPath() && (x.typ == static || x.typ == reflect.TypeOf(v)) {
			x.used = true
			return x.by
		}
	}
	return v
}

// Unused lists overrides that replaced nothing, after everything has been bound.
func Unused(g *module.Graph) (problems []module.Problem) {
	o, ok := g.Value(overridesKey{}).(*Overrides)
	if !ok {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, x := range o.all {
		if text, hint := x.problem(o.bound[x.role]); text != "" {
			problems = append(problems, module.Problem{Kind: module.ProblemOverride, Message: x.name + ": " + text, Hint: hint})
		}
	}
	return problems
}

func (x *override) problem(bound map[string]bool) (text, hint string) {
	switch {
	case x.by == nil:
		return fmt.Sprintf("the %s is nil", x.role), "pass one"
	case x.typ.PkgPath() == contracts[x.role].PkgPath():
		return fmt.Sprintf("%v is not a type of one %s", x.typ, x.role), fmt.Sprintf("make the %s a type of its own, or override what it uses", x.role)
	case x.used:
		return "", ""
	case len(bound) == 0:
		return fmt.Sprintf("no %s of this type is bound", x.role), fmt.Sprintf("remove it: the application binds no %s", x.role)
	default:
		return fmt.Sprintf("no %s of this type is bound", x.role), "pass one of these: " + strings.Join(slices.Sorted(maps.Keys(bound)), ", ")
	}
}
