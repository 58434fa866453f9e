package module

import "strings"

// Error is the error of [Resolve]: all problems of the graph, in the order of the modules
// and their declarations.
//
//	var wiring *module.Error
//	if errors.As(err, &wiring) {
//		for _, p := range wiring.Problems { … }
//	}
type Error struct {
	Problems []Problem
}

// Error returns the problems, one per line, each followed by a line with its hint.
func (e *Error) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	return strings.Join(texts, "\n")
}

// Problem is one error in the wiring of modules.
type Problem struct {
	Kind        ProblemKind
	Module      *Module // the module that has the problem; nil for the options of Resolve
	Constructor string  // as in Message: NewOrders; empty if no constructor is involved
	Place       string  // of the constructor or else the module, as in Message: orders/orders.go:30
	File        string  // like Place, with the full path
	Message     string  // the complete message, with module and places
	Hint        string  // how to fix it
}

// String returns the message and, on a second line, the hint.
func (p Problem) String() string {
	if p.Hint == "" {
		return p.Message
	}
	return p.Message + "\nhint: " + p.Hint
}

// ProblemKind is the kind of a problem, for tests and tools.
type ProblemKind string

// The kinds of problem.
const (
	ProblemMissing   ProblemKind = "missing"   // a constructor needs a type that the module does not see
	ProblemAmbiguous ProblemKind = "ambiguous" // a constructor needs a type that several modules export
	ProblemDuplicate ProblemKind = "duplicate" // a module provides a type twice
	ProblemCycle     ProblemKind = "cycle"     // constructors depend on each other
	ProblemInvalid   ProblemKind = "invalid"   // a declaration is invalid: a nil, a wrong signature
	ProblemOverride  ProblemKind = "override"  // an Override matches nothing, or does not fit

	// Of package app and of the packages that it uses.
	ProblemHook       ProblemKind = "hook"       // a method has the name of a hook and another form
	ProblemGateway    ProblemKind = "gateway"    // a gateway, its options or its handlers are invalid
	ProblemController ProblemKind = "controller" // a controller, its options or its routes are invalid
	ProblemOption     ProblemKind = "option"     // an option of the application is invalid
)
