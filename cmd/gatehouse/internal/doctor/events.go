package doctor

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// sending are the methods of descriptors that send an event.
var sending = map[string]bool{"Emit": true, "Response": true, "Call": true, "CallAll": true}

// descriptor is a variable with an event or a call.
type descriptor struct {
	key   string // the same in the package that has it and in those that import it
	name  string // of the variable
	sent  token.Pos
	asked bool // it is a call
}

// events finds events that are sent, and that no gateway declares. One is declared where it is used as a value, such as an argument of
// websockets.Emits, and where a handler of it is made: clients send that one. So are those with the event's name.
func (c *checker) events() {
	if !c.gateway(nil).IsValid() {
		return // a library: its importers declare its events
	}
	declared, names := map[string]bool{}, map[string]string{}
	known := map[string]bool{"": true} // names of events that are declared. One that is no constant may be one of them
	var sent []descriptor
	for _, p := range c.packages {
		for _, file := range p.files {
			var stack []ast.Node
			ast.Inspect(file, func(n ast.Node) bool {
				if n == nil {
					stack = stack[:len(stack)-1]
					return true
				}
				stack = append(stack, n)
				switch n := n.(type) {
				case *ast.ValueSpec:
					p.eventNames(n, c.fset, names)
				case *ast.CallExpr:
					if _, isVariable := stack[len(stack)-2].(*ast.ValueSpec); !isVariable {
						known[p.eventName(n)] = true // it may be in a list
					}
				case *ast.Ident:
					d, isDescriptor := p.descriptor(n, c.fset)
					if !isDescriptor {
						return true
					}
					switch method := methodOf(stack); {
					case sending[method]:
						sent = append(sent, d)
					case method == "", method == "On": // its other methods say nothing
						declared[d.key] = true
					}
				}
				return true
			})
		}
	}
	for key := range declared {
		known[names[key]] = true
	}
	reported := map[string]bool{}
	for _, d := range sent {
		if known[names[d.key]] || reported[d.key] {
			continue
		}
		reported[d.key] = true
		what, fix := "event", fmt.Sprintf("list it at its gateway: websockets.Emits(%s), or websockets.Sends(%[1]s) at the handler that responds with it", d.name)
		if d.asked {
			what, fix = "call", fmt.Sprintf("list it at its gateway: websockets.Emits(%s)", d.name)
		}
		c.reportf(d.sent, false, fix,
			"the %s %s (%q) is sent and no gateway declares it, so that no document has it", what, d.name, names[d.key])
	}
}

// descriptor returns what an identifier means, if it is a variable with an event or a call.
func (p *pkg) descriptor(n *ast.Ident, fset *token.FileSet) (d descriptor, ok bool) {
	v, ok := p.info.Uses[n].(*types.Var)
	if !ok {
		return d, false
	}
	kind := descriptorOf(v.Type())
	if kind == "" {
		return d, false
	}
	return descriptor{keyOf(v, fset), v.Name(), n.Pos(), kind == "CallEvent"}, true
}

// descriptorOf returns the name of the type of a descriptor; empty for other types.
func descriptorOf(t types.Type) string {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != gatehouse+"/websockets" {
		return ""
	}
	if name := n.Obj().Name(); name == "Event" || name == "CallEvent" {
		return name
	}
	return ""
}

// keyOf returns the same key for a variable in its own package and in the export data of it.
func keyOf(v *types.Var, fset *token.FileSet) string {
	if v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
		return v.Pkg().Path() + "." + v.Name()
	}
	return fset.Position(v.Pos()).String()
}

// eventNames adds the names of the events of variables: of those that a call makes with a constant name. Other variables may have any event.
func (p *pkg) eventNames(spec *ast.ValueSpec, fset *token.FileSet, names map[string]string) {
	if len(spec.Values) != len(spec.Names) {
		return
	}
	for i, name := range spec.Names {
		call, isCall := ast.Unparen(spec.Values[i]).(*ast.CallExpr)
		v, isVar := p.info.Defs[name].(*types.Var)
		if isCall && isVar {
			names[keyOf(v, fset)] = p.eventName(call)
		}
	}
}

// eventName returns the name of the event of a call that makes a descriptor; empty of other calls, and where it is no constant.
func (p *pkg) eventName(call *ast.CallExpr) string {
	if !isOf(p.callee(call), "websockets", "NewEvent", "NewCall") || len(call.Args) == 0 {
		return ""
	}
	value := p.info.Types[call.Args[0]].Value
	if value == nil || value.Kind() != constant.String {
		return ""
	}
	return constant.StringVal(value)
}

// methodOf returns the method that is selected of the identifier at the end of a path; empty if none is. The identifier may be that of
// another package: chat.Posted.Emit.
func methodOf(path []ast.Node) string {
	e := path[len(path)-1]
	for i := len(path) - 2; i >= 0; i-- {
		switch parent := path[i].(type) {
		case *ast.ParenExpr:
		case *ast.SelectorExpr:
			if parent.X == e {
				return parent.Sel.Name
			}
		default:
			return ""
		}
		e = path[i]
	}
	return ""
}
