// Package identity decides whether two functions, options or built values are the
// same one. It is the only place that does: guards, origin checks and namespaces
// depend on the answer, so a guess would replace one check by another.
//
// # Functions
//
// Go compares functions with nil only. What can be compared is the function value:
// one pointer, to an object that holds the code and the captured variables. Two
// function values with one pointer are the same function. The compiler decides how
// many objects exist:
//
//   - A declared function, a method expression (T.Method) and an instance of a generic
//     function (New[T]) have one object in the program. It is the same in every
//     package, with and without inlining, and two instances have two objects.
//   - A method value (x.Method) and a function literal that captures variables have an
//     object for each evaluation of the expression. Stored in a variable, there is one.
//     The same holds for reflect.MakeFunc and for New[T] inside a generic function.
//   - A function literal that captures nothing has one object, however often it is
//     evaluated, unless the compiler inlines the function around it: then each copy
//     has its own. These are the only functions of which build flags change the
//     identity. They hold no state, so whoever treats two as one calls the same code.
//
// The name, the line, the type and the code pointer tell less: Limit{1}.New and
// Limit{2}.New have all four in common, and so have New[A] and New[B] in a stack trace.
//
// Different objects need not be different functions: x.New written twice makes two.
// Where that matters, [Source] finds functions that come from the same expression, and
// the caller reports that it cannot tell.
//
// # Options
//
// An option whose only content is a function is the same where it is one value: it is
// a pointer that its constructor makes ([Declared] functions are the same in any case).
// An option that is a struct, and is copied, is compared by [Compare].
//
// # Built values
//
// A value that constructors return is the same where it is one pointer, see [Pointer].
package identity

import (
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"unsafe"
)

// Func identifies a function value. It is comparable. It keeps the function value
// reachable, so that its address is not used again.
type Func struct{ object unsafe.Pointer }

// OfFunc returns the identity of a function; the zero Func for nil. It panics when f
// is not a function.
func OfFunc(f any) Func { return funcOf(reflect.ValueOf(f)) }

func funcOf(v reflect.Value) Func {
	if v.Kind() != reflect.Func {
		panic("identity: " + v.Kind().String() + " is not a function") //nolint:forbidigo // a mistake of the caller, as in package reflect
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	// A func variable is one word that points to the function value. reflect reports
	// the code pointer inside of it instead, which closures share.
	return Func{*(*unsafe.Pointer)(p.UnsafePointer())}
}

// Source identifies the expression that a function comes from. It is comparable.
// Functions that differ although they have the same Source may have been meant to be
// one: the Go program that wrote them cannot be asked.
type Source struct {
	typ  reflect.Type
	code uintptr // not for literals: an inlined one has code of its own
	file string
	line int
}

// OfSource returns the source of a function that is not nil.
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
// pkg.init.func2, pkg.Outer.func1.2. A method that is called func1 looks the same.
func isLiteral(symbol string) bool {
	parts := strings.Split(symbol[strings.LastIndexByte(symbol, '/')+1:], ".")
	for _, p := range parts[min(2, len(parts)):] { // package and function
		if n, ok := strings.CutPrefix(p, "func"); ok && n != "" && strings.Trim(n, "0123456789") == "" {
			return true
		}
	}
	return false
}

// SameCode reports whether two functions run the same code, whatever they hold.
func SameCode(f, g any) bool { return reflect.ValueOf(f).Pointer() == reflect.ValueOf(g).Pointer() }

// Pointer identifies the value behind a pointer. It is comparable.
type Pointer struct {
	typ  reflect.Type // a struct and its first field have one address
	addr unsafe.Pointer
}

// OfPointer returns the identity of the value that v points to. It reports false for
// what is not a pointer, for nil, and for values of size zero, which may share one
// address and yet be different values.
func OfPointer(v any) (Pointer, bool) {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Pointer || r.IsNil() || r.Type().Elem().Size() == 0 {
		return Pointer{}, false
	}
	return Pointer{r.Type(), r.UnsafePointer()}, true
}

// Difference is where two values differ.
type Difference struct {
	Path string // such as .CORS.AllowedHeaders[1]; empty for the values themselves
	Func bool   // both have a function there, and it is not the same one
}

// Compare compares as reflect.DeepEqual does, unexported fields included, except that
// functions are equal when they are the same one. It returns nil for values that are
// equal, and otherwise the first difference.
func Compare(a, b any) *Difference {
	c := comparison{seen: map[pair]bool{}}
	return c.values("", reflect.ValueOf(a), reflect.ValueOf(b))
}

// comparison remembers which pointers are being compared: values may refer to themselves.
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

// known reports whether two references are the same one, or are compared already.
func (c *comparison) known(a, b reflect.Value) bool {
	p := pair{a.Type(), a.UnsafePointer(), b.UnsafePointer()}
	if p.a == p.b || c.seen[p] { // slices are of one length
		return true
	}
	c.seen[p] = true
	return false
}

// readable returns v with what reflect hides of unexported fields. v is addressable,
// or was read from what is readable.
func readable(v reflect.Value) reflect.Value {
	if !v.CanAddr() {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		return p.Elem()
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}
