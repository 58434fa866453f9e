// Package hookform finds methods that have the name of a hook and another form: Go accepts them,
// and the framework would not call them.
package hookform

import (
	"fmt"
	"reflect"
	"strings"
)

// Hook is a method that the framework calls by its name.
type Hook struct {
	name  string
	form  string // the parameters and results to write: (ctx context.Context) error
	iface reflect.Type
}

// Of returns the hook of an interface. form is what to write after the method's name.
func Of[I any](name, form string) Hook { return Hook{name, form, reflect.TypeFor[I]()} }

// Called reports whether values of the type have the hook in its right form.
func (h Hook) Called(t reflect.Type) bool { return t.Implements(h.iface) }

// Mistake is a hook of a type that is not called.
type Mistake struct{ Text, Hint string }

// String returns the mistake on one line: the text, then what to write.
func (m Mistake) String() string { return m.Text + "; " + m.Hint }

// Check returns the mistakes of a type. It must not be an interface.
func Check(t reflect.Type, hooks []Hook) (all []Mistake) {
	for _, h := range hooks {
		if m, ok := h.check(t); ok {
			all = append(all, m)
		}
	}
	return all
}

func (h Hook) check(t reflect.Type) (m Mistake, found bool) {
	if t.Implements(h.iface) {
		return m, false
	}
	if method, ok := t.MethodByName(h.name); ok {
		return h.otherForm(t, method), true
	}
	if t.Kind() != reflect.Pointer {
		p := reflect.PointerTo(t)
		if _, ok := p.MethodByName(h.name); ok {
			text := fmt.Sprintf("has the type %v, but the receiver of its method %s is *%[1]v, so the method is not called", t, h.name)
			hint := fmt.Sprintf("return %v from the constructor", p)
			if !p.Implements(h.iface) {
				hint += fmt.Sprintf(", and write func (*%s) %s%s", receiverOf(t), h.name, h.form)
			}
			return Mistake{text, hint}, true
		}
	}
	if bases := ambiguous(t, h.name); len(bases) > 0 {
		return Mistake{
			fmt.Sprintf("has the type %v, which embeds %s: each has a method %s, so neither is called", t, strings.Join(bases, " and "), h.name),
			"write " + h.declaration(t) + ", which calls those that it needs",
		}, true
	}
	return m, false
}

func (h Hook) otherForm(t reflect.Type, method reflect.Method) Mistake {
	in := make([]reflect.Type, 0, method.Type.NumIn())
	for i := 1; i < method.Type.NumIn(); i++ { // without the receiver
		in = append(in, method.Type.In(i))
	}
	out := make([]reflect.Type, method.Type.NumOut())
	for i := range out {
		out[i] = method.Type.Out(i)
	}
	form := strings.TrimPrefix(reflect.FuncOf(in, out, method.Type.IsVariadic()).String(), "func")
	return Mistake{
		fmt.Sprintf("has the method %s%s of %v, which is not called, because the form of %[1]s is another one", h.name, form, t),
		"write " + h.declaration(t),
	}
}

// declaration returns the method as it must be declared: func (*Rooms) OnModuleInit(…) error.
func (h Hook) declaration(t reflect.Type) string {
	receiver := receiverOf(t)
	if t.Kind() == reflect.Pointer {
		receiver = "*" + receiverOf(t.Elem())
	}
	return "func (" + receiver + ") " + h.name + h.form
}

// receiverOf returns the name of a type as a receiver has it: that of a generic type without its
// arguments.
func receiverOf(t reflect.Type) string {
	name, _, generic := strings.Cut(t.Name(), "[")
	if generic {
		name += "[…]"
	}
	return name
}

// ambiguous returns the embedded types of a struct that all have a method, so that the struct has
// none.
func ambiguous(t reflect.Type, name string) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for level, seen := []reflect.Type{t}, map[reflect.Type]bool{}; len(level) > 0; {
		var next []reflect.Type
		var with []string
		for _, s := range level {
			if s.Kind() != reflect.Struct || seen[s] {
				continue
			}
			seen[s] = true
			for f := range s.Fields() {
				if !f.Anonymous {
					if f.Name == name {
						return nil // the field hides the methods
					}
					continue
				}
				if hasMethod(f.Type, name) {
					with = append(with, f.Type.String())
				}
				e := f.Type
				if e.Kind() == reflect.Pointer {
					e = e.Elem()
				}
				next = append(next, e)
			}
		}
		if len(with) > 1 {
			return with
		}
		level = next
	}
	return nil
}

func hasMethod(t reflect.Type, name string) bool {
	_, ok := t.MethodByName(name)
	if !ok && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		_, ok = reflect.PointerTo(t).MethodByName(name)
	}
	return ok
}
