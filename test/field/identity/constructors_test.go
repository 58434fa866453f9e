package identity_test

import (
	"context"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// lines matches the line numbers of places.
var lines = regexp.MustCompile(`\.go:\d+`)

type (
	admin struct{ _ int }
	guest struct{ _ int }
)

// newRole is a constructor for each R, all of the same type.
func newRole[R any](b *Book) *Guard { return b.guard(reflect.TypeFor[R]().String()) }

// roleOf is newRole[R] as a generic function sees it: a closure.
func roleOf[R any]() func(*Book) *Guard { return newRole[R] }

func limitInline(name string) func(*Book) *Guard {
	return func(b *Book) *Guard { return b.guard(name) }
}

//go:noinline
func limitCall(name string) func(*Book) *Guard { return func(b *Book) *Guard { return b.guard(name) } }

func makeFunc(name string) any {
	return reflect.MakeFunc(reflect.TypeFor[func(*Book) *Guard](), func(in []reflect.Value) []reflect.Value {
		return []reflect.Value{reflect.ValueOf(in[0].Interface().(*Book).guard(name))}
	}).Interface()
}

// maker creates guards behind an interface.
type maker interface{ New(*Book) *Guard }

// TestField_X43_WrongMerges: Two constructors of guards with the same name, line and type, such as Limit{1}.New and
// Limit{2}.New, were considered equal, and an event was guarded by the other's guard; each listed guard is the one
// that runs.
func TestField_X43_WrongMerges(t *testing.T) {
	var loop []any
	for _, name := range []string{"1", "2"} {
		loop = append(loop, func(b *Book) *Guard { return b.guard(name) })
	}
	var first, second maker = Limit{"1"}, Limit{"2"}
	byReflection := func(name string) any { return reflect.ValueOf(Limit{name}).MethodByName("New").Interface() }
	for _, tt := range []struct {
		name string
		a, b any
		want string
	}{
		{"method values", Limit{"1"}.New, Limit{"2"}.New, ""},
		{"method values of an interface", first.New, second.New, ""},
		{"method values by reflection", byReflection("1"), byReflection("2"), ""},
		{"instances of a generic function", newRole[admin], newRole[guest], "a: identity_test.admin #0, b: identity_test.guest #1; 2 made"},
		{"instances of one shape", newRole[*admin], newRole[*guest], "a: *identity_test.admin #0, b: *identity_test.guest #1; 2 made"},
		{"instances inside of a generic function", roleOf[*admin](), roleOf[*guest](), "a: *identity_test.admin #0, b: *identity_test.guest #1; 2 made"},
		{"closures of a loop", loop[0], loop[1], ""},
		{"closures of a function that is inlined", limitInline("1"), limitInline("2"), ""},
		{"closures of a function that is not inlined", limitCall("1"), limitCall("2"), ""},
		{"functions made by reflection", makeFunc("1"), makeFunc("2"), ""},
	} {
		if tt.want == "" {
			tt.want = "a: 1 #0, b: 2 #1; 2 made"
		}
		t.Run("ForEvent/"+tt.name, func(t *testing.T) {
			s, b := shelf()
			want(t, play(t, module.New("m", s, module.Controllers(bind(tt.a, tt.b))), b), tt.want)
		})
		t.Run("app.UseGuards/"+tt.name, func(t *testing.T) {
			s, b := shelf()
			got := play(t, module.New("m", s, module.Controllers(websockets.Gateway(newLobby))), b, app.UseGuards(tt.a, tt.b))
			both := strings.NewReplacer("a: ", "", "b: ", "", ", ", " ").Replace(strings.Split(tt.want, ";")[0])
			want(t, got, "a: "+both+", b: "+both+"; 2 made")
		})
	}
	t.Run("web.ForRoute", func(t *testing.T) {
		s, b := shelf()
		a := apptest.New(t, module.New("m", s, module.Controllers(web.Controller(newController,
			web.ForRoute("GET /a", web.UseGuards(Limit{"1"}.New)), web.ForRoute("GET /b", web.UseGuards(Limit{"2"}.New))))))
		get(t, a.URL()+"/a")
		get(t, a.URL()+"/b")
		want(t, b.report(), "GET /a: 1 #0, GET /b: 2 #1; 2 made")
	})
	t.Run("one option in two modules", func(t *testing.T) {
		s, b := shelf()
		shared := websockets.ForEvent("a", websockets.UseGuards(newTenant))
		tenant := func(name string) *module.Module {
			return module.New(name, module.Imports(module.New("book", module.Exports(module.Value(b)))),
				module.Providers(module.Value(tenantName(name))),
				module.Controllers(websockets.Gateway(newLobby, shared, websockets.Path("/"+name))))
		}
		a := apptest.New(t, module.New("m", s, module.Imports(tenant("x"), tenant("y"))), apptest.With(app.WebSockets(ws.New())))
		for _, path := range []string{"/x", "/y"} {
			c := a.DialWS(path)
			apptest.Call[string](c, "a", struct{}{})
			c.Close()
		}
		want(t, b.report(), "a: x #0 y #1; 2 made")
	})
}

type tenantName string

func newTenant(b *Book, name tenantName) *Guard { return b.guard(string(name)) }

type controller struct{}

func newController() *controller { return &controller{} }

// Routes implements [web.Routable].
func (*controller) Routes(r chi.Router) {
	for _, path := range []string{"/a", "/b"} {
		r.Get(path, web.JSON(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }))
	}
}

func get(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("GET %s: %s", url, res.Status)
	}
}

var (
	strict       = Limit{"strict"}
	newStrictVar = strict.New
	newLiteral   = func(b *Book) *Guard { return b.guard("literal") }
)

func newStrict(b *Book) *Guard { return strict.New(b) }

// functional is a constructor whose name starts with func.
func functional(b *Book) *Guard { return b.guard("functional") }

// TestField_X43_WrongSplits: A guard that the module provides or imports was created a second time when it was bound,
// because it was provided under another type or name, or was held by a variable; a module has one instance under
// every name, and that one runs.
func TestField_X43_WrongSplits(t *testing.T) {
	declared := "a: declared #0, b: declared #0; 1 made"
	imported := func(items ...any) func(module.Option) *module.Module {
		return func(s module.Option) *module.Module {
			books := module.New("books", s, module.Exports(items...))
			return module.New("m", module.Imports(books), module.Controllers(bind(NewGuard, NewGuard)))
		}
	}
	own := func(provided any, bound ...any) func(module.Option) *module.Module {
		return func(s module.Option) *module.Module {
			return module.New("m", s, module.Providers(provided), module.Controllers(bind(bound[0], bound[len(bound)-1])))
		}
	}
	clock := Limit{"variable"}.New
	for _, tt := range []struct {
		name string
		m    func(module.Option) *module.Module
		want string
	}{
		{"imported As, bound plain", imported(module.As[Auth](NewGuard)), declared},
		{"imported As and Named, bound plain", imported(module.As[Auth](module.Named("n", NewGuard))), declared},
		{"re-exported As, bound plain", func(s module.Option) *module.Module {
			inner := module.New("inner", s, module.Exports(module.As[Auth](NewGuard)))
			return module.New("m", module.Imports(module.New("outer", module.Exports(inner))), module.Controllers(bind(NewGuard, NewGuard)))
		}, declared},
		{"global As, bound plain", func(s module.Option) *module.Module {
			global := module.New("global", s, module.Global(), module.Exports(module.As[Auth](NewGuard)))
			return module.New("m", module.Imports(module.New("sub", module.Controllers(bind(NewGuard, NewGuard))), global))
		}, declared},
		{"own plain, bound As", own(NewGuard, module.As[Auth](NewGuard)), declared},
		{"own As, bound plain", own(module.As[Auth](NewGuard), NewGuard), declared},
		{"own Named, bound plain", own(module.Named("n", NewGuard), NewGuard), declared},
		{"own plain, bound Named", own(NewGuard, module.Named("n", NewGuard)), declared},
		{"bound plain and Named", own(module.Value(Limit{"x"}), NewGuard, module.Named("n", NewGuard)), declared},
		{"package variable", own(newStrictVar, newStrictVar), "a: strict #0, b: strict #0; 1 made"},
		{"package variable with a literal", own(newLiteral, newLiteral), "a: literal #0, b: literal #0; 1 made"},
		{"local variable", own(clock, clock), "a: variable #0, b: variable #0; 1 made"},
		{"name that starts with func", own(functional, functional), "a: functional #0, b: functional #0; 1 made"},
		{"generic function", own(newRole[*admin], newRole[*admin]), "a: *identity_test.admin #0, b: *identity_test.admin #0; 1 made"},
		{"method expression", own(module.Value(Limit{"expression"}), Limit.New), "a: expression #0, b: expression #0; 1 made"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, b := shelf()
			want(t, play(t, tt.m(s), b), tt.want)
		})
	}
	t.Run("imported As, bound to the application", func(t *testing.T) {
		s, b := shelf()
		books := module.New("books", s, module.Exports(module.As[Auth](NewGuard)))
		m := module.New("m", module.Imports(books), module.Controllers(websockets.Gateway(newLobby)))
		want(t, play(t, m, b, app.UseGuards(NewGuard)), declared)
	})
	t.Run("overridden where it is injected", func(t *testing.T) {
		s, b := shelf()
		m := module.New("m", s, module.Providers(NewGuard, func(*Guard) *controller { return nil }), module.Controllers(bind(NewGuard, NewGuard)))
		want(t, play(t, m, b, app.Resolve(module.Override(&controller{}))), declared)
	})
	t.Run("of two, the one with the name", func(t *testing.T) {
		s, b := shelf()
		m := module.New("m", s, module.Providers(module.Named("x", NewGuard), module.Named("y", NewGuard)),
			module.Controllers(bind(module.Named("y", NewGuard), module.Named("x", NewGuard))))
		want(t, play(t, m, b), "a: declared #1, b: declared #0; 2 made")
	})
}

// TestField_X43_Undecided: Go cannot compare a provided method value with a bound one to decide whether they are the
// same constructor; the start fails with an error that says what to write, both for one instance and for two.
func TestField_X43_Undecided(t *testing.T) {
	const hint = "\nhint: to share one instance, store the constructor in a package variable and list that in both places; " +
		"to have two, bind a declared function that calls it, as in func NewSecond() *identity_test.Guard"
	loose := Limit{"loose"}
	for _, tt := range []struct {
		name            string
		provided, bound any
		want            string // what is bound, and its possible origin
	}{
		{"method values", loose.New, strict.New, "Limit.New (field/identity/constructors_test.go) is bound, and may be Limit.New (field/identity/constructors_test.go)"},
		{"method value provided As", module.As[Auth](loose.New), strict.New, "Limit.New (field/identity/constructors_test.go) is bound, and may be Limit.New (field/identity/constructors_test.go)"},
		{"method value bound Named", loose.New, module.Named("n", strict.New), "Limit.New (field/identity/constructors_test.go) is bound, and may be Limit.New (field/identity/constructors_test.go)"},
		{"one variable, two method values", loose.New, loose.New, "Limit.New (field/identity/constructors_test.go) is bound, and may be Limit.New (field/identity/constructors_test.go)"},
		{"closures of a function that is inlined", limitInline("1"), limitInline("2"), ""},
		{"closures of a function that is not inlined", limitCall("1"), limitCall("2"), "limitCall.func1 (field/identity/constructors_test.go) is bound, and may be limitCall.func1 (field/identity/constructors_test.go)"},
		{"instances inside of a generic function", roleOf[*admin](), roleOf[*guest](), ""},
		{"functions made by reflection", makeFunc("1"), makeFunc("2"), "func(*identity_test.Book) *identity_test.Guard (field/identity/constructors_test.go) is bound, and may be func(*identity_test.Book) *identity_test.Guard (field/identity/constructors_test.go)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := shelf()
			got := lines.ReplaceAllString(refused(t, module.New("m", s, module.Providers(tt.provided), module.Controllers(bind(tt.bound, NewGuard)))), ".go")
			if tt.want == "" { // the names of inlined closures depend on build flags
				if !strings.Contains(got, "Go does not compare") || !strings.HasSuffix(got, hint) {
					t.Error(got)
				}
				return
			}
			want(t, got, "module m (field/identity/constructors_test.go): "+tt.want+" of module m (field/identity/constructors_test.go) or another one: Go does not compare method values and closures"+hint)
		})
	}
	t.Run("imported", func(t *testing.T) {
		s, _ := shelf()
		books := module.New("books", s, module.Exports(loose.New))
		got := refused(t, module.New("m", module.Imports(books), module.Controllers(bind(strict.New, NewGuard))))
		if !strings.Contains(got, "is bound, and may be Limit.New") || !strings.Contains(got, "of module books") {
			t.Error(got)
		}
	})
	t.Run("a package variable shares it", func(t *testing.T) {
		s, b := shelf()
		m := module.New("m", s, module.Providers(newStrictVar), module.Controllers(bind(newStrictVar, newStrictVar)))
		want(t, play(t, m, b), "a: strict #0, b: strict #0; 1 made")
	})
	t.Run("a function of its own is another one", func(t *testing.T) {
		s, b := shelf()
		m := module.New("m", s, module.Providers(loose.New), module.Controllers(bind(newStrict, newStrict)))
		want(t, play(t, m, b), "a: strict #1, b: strict #1; 2 made")
	})
	t.Run("what the module does not see is another one", func(t *testing.T) {
		s, b := shelf()
		private := module.New("private", module.Providers(module.Value(b), loose.New))
		m := module.New("m", s, module.Imports(private), module.Controllers(bind(strict.New, strict.New)))
		want(t, play(t, m, b), "a: strict #1, b: strict #2; 3 made")
	})
	t.Run("several instances are seen", func(t *testing.T) {
		s, _ := shelf()
		m := module.New("m", s, module.Providers(module.Named("x", NewGuard), module.Named("y", NewGuard)), module.Controllers(bind(NewGuard, NewGuard)))
		got := lines.ReplaceAllString(refused(t, m), ".go")
		want(t, got, `module m (field/identity/constructors_test.go): NewGuard (field/identity/main_test.go) is bound, and the module sees 2 instances of it: `+
			`*identity_test.Guard named "x" of module m (field/identity/constructors_test.go) and *identity_test.Guard named "y" of module m (field/identity/constructors_test.go)`+
			"\nhint: bind the intended one by its type and name, with module.As and module.Named, or import only one of them")
	})
}
