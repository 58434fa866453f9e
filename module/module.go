package module

import (
	"cmp"
	"fmt"
	"iter"
	"strings"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/internal/place"
)

// Module is a named set of providers, of which it exports some:
//
//	var Module = module.New("chat",
//		module.Imports(users.Module),
//		module.Providers(NewRooms),
//		module.Exports(NewService),
//	)
//
// Modules are compared by pointer: a package variable is one module however many others
// import it, while a function that returns New(…) creates another module on each call. A
// Module is immutable and safe for concurrent use.
type Module struct {
	name     string
	where    place.Position
	declared string // qualified name of the function that called New

	imports   []importRef
	items     []item // providers and controllers, in declared order
	fxOptions []fx.Option
	global    bool
	mistakes  []mistake
}

// importRef is one entry of Imports, or one *Module in Exports.
type importRef struct {
	module   *Module
	reexport bool
}

// item is one entry of Providers, Exports or Controllers.
type item struct {
	provider Provider
	kind     Kind
	exported bool
}

// mistake is an error in a declaration, to be reported by Resolve.
type mistake struct{ text, hint string }

// New declares a module. It never fails: [Resolve] reports invalid options, such as a nil
// constructor.
func New(name string, opts ...Option) *Module {
	where, caller := callerPosition()
	m := &Module{name: name, where: where, declared: caller}
	if name == "" {
		m.mistake(`has an empty name`, `pass a name to module.New`)
	}
	for i, o := range opts {
		if o == nil {
			m.mistake(fmt.Sprintf("option %d of module.New is nil", i+1), "remove it")
			continue
		}
		o.apply(m)
	}
	return m
}

func (m *Module) mistake(text, hint string) {
	m.mistakes = append(m.mistakes, mistake{text, hint})
}

// Name returns the name passed to New.
func (m *Module) Name() string { return m.name }

// Place returns where New was called, as file:line.
func (m *Module) Place() string { return m.where.String() }

// Imported yields the imported and re-exported modules in declared order.
func (m *Module) Imported() iter.Seq[*Module] {
	return func(yield func(*Module) bool) {
		for _, ref := range m.imports {
			if ref.module != nil && !yield(ref.module) {
				return
			}
		}
	}
}

// IsGlobal reports whether the module was declared with [Global].
func (m *Module) IsGlobal() bool { return m.global }

// String returns the module in the form of error messages: chat (chat/chat.go:12).
func (m *Module) String() string {
	if m == nil {
		return "<nil>"
	}
	return cmp.Or(m.name, `""`) + " (" + m.where.String() + ")"
}

// variable guesses the package variable that holds the module, such as db.Module. It
// returns "" if the module was not declared in one, or its name differs from the package.
func (m *Module) variable() string {
	pkg, fn, _ := strings.Cut(m.declared, ".")
	if fn == "init" && pkg == m.name {
		return pkg + ".Module"
	}
	return ""
}
