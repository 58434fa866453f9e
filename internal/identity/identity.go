// Package identity compares functions, options and built values by identity. All such
// comparisons are made here: guards, origin checks and namespaces depend on them, and a
// wrong result would replace one check by another.
//
// # Functions
//
// Go compares functions only with nil. This package compares function values: a function
// value is a pointer to an object that holds the code and the captured variables. Two
// function values with the same pointer are the same function. The compiler decides how
// many objects exist:
//
//   - A declared function, a method expression (T.Method) and an instance of a generic
//     function (New[T]) have one object in the program, in all packages, with and
//     without inlining. Two instances have two objects.
//   - A method value (x.Method) and a function literal that captures variables get a new
//     object for each evaluation of the expression; stored in a variable, it is one. The
//     same is true for reflect.MakeFunc and for New[T] inside a generic function.
//   - A function literal that captures nothing has one object, however often it is
//     evaluated, unless the compiler inlines the enclosing function: then each copy has
//     its own. Only for these functions, build flags change the identity. They have no
//     state, so two of them with one identity run the same code.
//
// Name, line, type and code pointer are not sufficient: Limit{1}.New and Limit{2}.New
// have all four in common, as have New[A] and New[B] in a stack trace.
//
// Different objects may still be the same function: x.New written twice creates two.
// [Source] finds functions that come from the same expression; the caller then reports
// that it cannot distinguish them.
//
// # Options
//
// An option that holds only a function is compared by pointer: its constructor returns a
// pointer ([Declared] functions are compared as functions). An option that is a struct
// and is copied is compared by [Compare].
//
// # Built values
//
// Results of constructors are compared by pointer, see [Pointer].
package identity

import (
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"unsafe"
)

// Func is the identity of a function value. It is comparable. It keeps the function
// value reachable, so that its address is not reused.
type Func struct{ object unsafe.Pointer }

// OfFunc returns the identity of a function; the zero Func for nil. It panics if f is
// not a function.
func OfFunc(f any) Func { return funcOf(reflect.ValueOf(f)) }

func funcOf(v reflect.Value) Func {
	if v.Kind() != reflect.Func {
		panic("identity: " + v.Kind().String() + " is not a function") //nolint:forbidigo // programming error, as in package reflect
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	// A func variable is one word that points to the object. reflect returns the code
	// pointer in the object instead, which closures share.
	return Func{*(*unsafe.Pointer)(p.UnsafePointer())}
}

// Source is the expression that a function comes from. It is comparable. Different
// functions with equal Sources may have been meant as one.
type Source struct {
	typ  reflect.Type
	code uintptr // 0 for literals: each inlined copy has its own code
	file string
	line int
}

// OfSource returns the source of a function; f must not be nil.
func OfSource(f any) Source {
	v := reflect.ValueOf(f)
	code := v.Pointer()
	fn := runtime.FuncForPC(code)
	if fn == nil || !isLiteral(fn.Name()) {
		return Source{typ: v.Type(), code: code}
	}
	file, line := fn.FileLine(code)
	return Source{typ: v.Type(), file: file, line: line}
}

// Declared reports whether f has the same identity in every build: a declared
// function, a method expression or an instance of a generic function.
func Declared(f any) bool {
	fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer())
	return fn != nil && !isLiteral(fn.Name()) && !strings.HasSuffix(fn.Name(), "-fm") &&
		fn.Name() != "reflect.makeFuncStub" && fn.Name() != "reflect.methodValueCall"
}

// isLiteral reports whether a symbol is a function literal: pkg.Outer.func1,
// pkg.init.func2, pkg.Outer.func1.2. It also returns true for a method named func1.
func isLiteral(symbol string) bool {
	parts := strings.Split(symbol[strings.LastIndexByte(symbol, '/')+1:], ".")
	for _, p := range parts[min(2, len(parts)):] { // package and function
		if n, ok := strings.CutPrefix(p, "func"); ok && n != "" && strings.Trim(n, "0123456789") == "" {
			return true
		}
	}
	return false
}

// FuncName returns the name of a function with the path of its package, such as
// example.com/chat.(*Gateway).Join; "" for a nil function and for one made by reflection.
func FuncName(f any) string {
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.Func || v.IsNil() {
		return ""
	}
	fn := runtime.FuncForPC(v.Pointer())
	if fn == nil || fn.Name() == "reflect.makeFuncStub" || fn.Name() == "reflect.methodValueCall" {
		return ""
	}
	return strings.TrimSuffix(fn.Name(), "-fm")
}

// SameCode reports whether two functions run the same code, possibly with different
// captured variables.
func SameCode(f, g any) bool { return reflect.ValueOf(f).Pointer() == reflect.ValueOf(g).Pointer() }

// Pointer is the identity of the value behind a pointer. It is comparable.
type Pointer struct {
	typ  reflect.Type // a struct and its first field have the same address
	addr unsafe.Pointer
}

// OfPointer returns the identity of the value that v points to. ok is false if v is nil
// or not a pointer, and for values of size zero, because different ones may have the
// same address.
func OfPointer(v any) (p Pointer, ok bool) {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Pointer || r.IsNil() || r.Type().Elem().Size() == 0 {
		return Pointer{}, false
	}
	return Pointer{r.Type(), r.UnsafePointer()}, true
}

// Distinct finds values with the same pointer. The zero value is ready to use.
type Distinct[T any] struct{ first map[Pointer]T }

// Add records v with its label. If a value with the same pointer was added before, Add
// returns the label of the first one and true.
func (d *Distinct[T]) Add(v any, label T) (first T, dup bool) {
	p, ok := OfPointer(v)
	if !ok {
		return first, false
	}
	if first, dup = d.first[p]; dup {
		return first, true
	}
	if d.first == nil {
		d.first = map[Pointer]T{}
	}
	d.first[p] = label
	return first, false
}

// Difference describes where two values differ.
type Difference struct {
	Path string // such as .CORS.AllowedHeaders[1]; empty for the values themselves
	Func bool   // both have a function there, but not the same one
}

// Compare compares like reflect.DeepEqual, including unexported fields, except that
// functions are equal if they are the same function. It returns the first difference,
// nil for equal values.
func Compare(a, b any) *Difference {
	c := comparison{seen: map[pair]bool{}}
	return c.values("", reflect.ValueOf(a), reflect.ValueOf(b))
}

// comparison tracks the pairs of references that are being compared, because values may
// contain cycles.
type comparison struct{ seen map[pair]bool }

type pair struct {
	typ  reflect.Type
	a, b unsafe.Pointer
}

func (c *comparison) values(path string, a, b reflect.Value) *Difference {
	different := &Difference{Path: path}
	if !a.IsValid() || !b.IsValid() || a.Type() != b.Type() {
		if !a.IsValid() && !b.IsValid() {
			return nil
		}
		return different
	}
	a, b = readable(a), readable(b)
	switch a.Kind() {
	case reflect.Func, reflect.Map, reflect.Slice, reflect.Pointer, reflect.Interface:
		if a.IsNil() && b.IsNil() {
			return nil
		}
		if a.IsNil() || b.IsNil() {
			return different
		}
	}
	switch a.Kind() {
	case reflect.Func:
		if funcOf(a) != funcOf(b) {
			return &Difference{path, true}
		}
	case reflect.Pointer:
		if !c.known(a, b) {
			return c.values(path, a.Elem(), b.Elem())
		}
	case reflect.Interface:
		return c.values(path, a.Elem(), b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if d := c.values(path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i)); d != nil {
				return d
			}
		}
	case reflect.Slice, reflect.Array:
		return c.lists(path, a, b)
	case reflect.Map:
		return c.maps(path, a, b)
	default:
		if !a.Equal(b) {
			return different
		}
	}
	return nil
}

func (c *comparison) lists(path string, a, b reflect.Value) *Difference {
	if a.Len() != b.Len() {
		return &Difference{Path: path}
	}
	if a.Kind() == reflect.Slice && c.known(a, b) {
		return nil
	}
	for i := range a.Len() {
		if d := c.values(path+"["+strconv.Itoa(i)+"]", a.Index(i), b.Index(i)); d != nil {
			return d
		}
	}
	return nil
}

func (c *comparison) maps(path string, a, b reflect.Value) *Difference {
	if a.Len() != b.Len() {
		return &Difference{Path: path}
	}
	if c.known(a, b) {
		return nil
	}
	for k, v := range a.Seq2() {
		w := b.MapIndex(k)
		if !w.IsValid() {
			return &Difference{Path: path}
		}
		if d := c.values(path+"[…]", v, w); d != nil {
			return d
		}
	}
	return nil
}

// known reports whether two references are equal or are being compared already.
func (c *comparison) known(a, b reflect.Value) bool {
	p := pair{a.Type(), a.UnsafePointer(), b.UnsafePointer()}
	if p.a == p.b || c.seen[p] { // the caller has compared the lengths of slices
		return true
	}
	c.seen[p] = true
	return false
}

// readable returns v without reflect's restrictions on unexported fields. v must be
// addressable, or come from a readable value.
func readable(v reflect.Value) reflect.Value {
	if !v.CanAddr() {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		return p.Elem()
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}
