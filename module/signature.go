package module

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.uber.org/dig"

	"github.com/gatehouse-go/gatehouse/internal/injected"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// key identifies a result by type and name.
type key struct {
	t    reflect.Type
	name string
}

// groupKey identifies a value group; t is the type of its members.
type groupKey key

// signature holds the parameters and results of a constructor.
type signature struct {
	needs   []need
	results []output
	err     *mistake
}

// need is one parameter, or one field of a parameter object.
type need struct {
	key      key
	group    *groupKey
	optional bool
	lazy     reflect.Type // the Lazy[T] parameter type, or that of handle; key.t is T
	handle   *injected.Handle
	label    string // "parameter 1, field DB"
}

// output is one result, or one field of a result object.
type output struct {
	t        reflect.Type
	name     string
	group    *groupKey
	groupTag string
	path     []int // index of the result, then of fields
}

var (
	errorType = reflect.TypeFor[error]()
	inType    = reflect.TypeFor[dig.In]()
	outType   = reflect.TypeFor[dig.Out]()
	lazyIface = reflect.TypeFor[lazyParam]()
	handled   = reflect.TypeFor[injected.Handled]()
)

// signatures caches signatures by type: constructors often share one.
type signatures map[reflect.Type]*signature

func (s signatures) of(t reflect.Type) *signature {
	if sig, ok := s[t]; ok {
		return sig
	}
	sig := parseSignature(t)
	s[t] = sig
	return sig
}

func parseSignature(t reflect.Type) *signature {
	sig := &signature{}
	in := t.NumIn()
	if t.IsVariadic() {
		in-- // fx does not fill it
	}
	objects := false
	for i := range in {
		p, label := t.In(i), "parameter "+strconv.Itoa(i+1)
		if embeds(p) {
			objects = true
		}
		sig.param(p, label)
	}
	for i := range t.NumOut() {
		r := t.Out(i)
		if r == errorType {
			continue
		}
		if embeds(r) {
			objects = true
		}
		label := "result " + strconv.Itoa(i+1)
		if i > 0 && isCleanup(r) {
			sig.fail(fmt.Sprintf("returns a cleanup function %v (%s), which is never called", r, label),
				"remove the result, and clean up in the method OnApplicationShutdown(context.Context) error of "+t.Out(0).String())
		}
		sig.result(r, []int{i}, label)
	}
	if objects {
		// Let fx check its rules for parameter and result objects.
		fn := reflect.MakeFunc(t, func([]reflect.Value) []reflect.Value { return nil })
		if err := dig.New(dig.DryRun(true), dig.DeferAcyclicVerification()).Provide(fn.Interface()); err != nil {
			sig.fail("is rejected by fx: "+dig.RootCause(err).Error(), "correct the parameter or result object")
		}
	}
	if len(sig.results) == 0 {
		sig.fail("returns nothing to provide", "return a value, as in func NewService() *Service")
	}
	return sig
}

func (s *signature) fail(text, hint string) {
	if s.err == nil {
		s.err = &mistake{text, hint}
	}
}

func (s *signature) param(t reflect.Type, label string) {
	if dig.IsIn(t) {
		s.object(t, label)
		return
	}
	s.needs = append(s.needs, single(t, "", label))
}

func single(t reflect.Type, name, label string) need {
	n := need{key: key{t, name}, label: label}
	if t.Kind() == reflect.Struct && t.NumField() == 1 && t.Implements(lazyIface) {
		n.lazy = t
		n.key.t = reflect.Zero(t).Interface().(lazyParam).lazyType()
	}
	if t.Kind() == reflect.Struct && t.Implements(handled) {
		h := reflect.Zero(t).Interface().(injected.Handled).Handle(seal.Framework{})
		n.lazy, n.key.t, n.handle = t, h.Type, &h
	}
	return n
}

// object parses a parameter object. parseSignature lets fx report invalid ones.
func (s *signature) object(t reflect.Type, label string) {
	for f := range t.Fields() {
		if f.Type == inType || !f.IsExported() {
			continue
		}
		if dig.IsIn(f.Type) {
			s.object(f.Type, label)
			continue
		}
		flabel := label + ", field " + f.Name
		if tag := f.Tag.Get("group"); tag != "" {
			group, opts, _ := strings.Cut(tag, ",")
			if strings.Contains(opts, "soft") {
				s.fail("needs the soft value group "+strconv.Quote(group)+" ("+flabel+")",
					"all providers are built anyway; remove \",soft\"")
			}
			if f.Type.Kind() == reflect.Slice {
				s.needs = append(s.needs, need{group: &groupKey{f.Type.Elem(), group}, label: flabel})
			}
			continue
		}
		n := single(f.Type, f.Tag.Get("name"), flabel)
		n.optional, _ = strconv.ParseBool(f.Tag.Get("optional"))
		s.needs = append(s.needs, n)
	}
}

func (s *signature) result(t reflect.Type, path []int, label string) {
	if dig.IsOut(t) && t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Type == outType || !f.IsExported() {
				continue
			}
			fpath := append(append([]int(nil), path...), i)
			if dig.IsOut(f.Type) {
				s.result(f.Type, fpath, label)
				continue
			}
			o := output{t: f.Type, name: f.Tag.Get("name"), path: fpath}
			if tag := f.Tag.Get("group"); tag != "" {
				group, opts, _ := strings.Cut(tag, ",")
				o.group, o.groupTag = &groupKey{f.Type, group}, tag
				if strings.Contains(opts, "flatten") && f.Type.Kind() == reflect.Slice {
					o.group.t = f.Type.Elem()
				}
			}
			s.output(o, label+", field "+f.Name)
		}
		return
	}
	s.output(output{t: t, path: path}, label)
}

func (s *signature) output(o output, label string) {
	if text := unprovidable(o.t); text != "" {
		s.fail(fmt.Sprintf("returns %v (%s), %s", o.t, label, text), "wrap it in a struct")
	}
	s.results = append(s.results, o)
}

func unprovidable(t reflect.Type) string {
	if t.Implements(errorType) {
		return "which fx treats as an error because it has an Error method"
	}
	return ""
}

// embeds reports whether fx treats t as a parameter or result object, valid or invalid.
func embeds(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.NumField() == 0 {
		return false
	}
	for f := range t.Fields() {
		if !f.Anonymous {
			continue
		}
		if f.Type.Kind() == reflect.Pointer {
			if e := f.Type.Elem(); e == inType || e == outType {
				return true
			}
		} else if f.Type == inType || f.Type == outType || embeds(f.Type) {
			return true
		}
	}
	return false
}
