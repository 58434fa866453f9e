package module

import "strings"

// Error is what [Resolve] returns: all that is wrong with the graph, in the
// order of the modules and their declarations.
//
//	var wiring *module.Error
//	if errors.As(err, &wiring) {
//		for _, p := range wiring.Problems { … }
//	}
type Error struct {
	Problems []Problem
}

// Error prints every problem on lines of its own, its hint below it.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// Problem is one mistake in the wiring.
type Problem struct {
	Kind        ProblemKind
	Module      *Module // where it shows; nil for a mistake in the options of Resolve
	Constructor string  // as printed in Message, NewOrders; empty when none is involved
	Place       string  // of the constructor, else of the module, as printed: orders.go:30
	File        string  // the same with the full path, for tools
	Message     string  // the whole sentence, module and places included
	Hint        string  // what to do
}

// String returns the message and, on a second line, the hint.
func (p Problem) String() string {
	if p.Hint == "" {
		return p.Message
	}
	return p.Message + "\nhint: " + p.Hint
}

// ProblemKind sorts problems, for tests and tools.
type ProblemKind string

// The kinds of problem.
const (
	ProblemMissing   ProblemKind = "missing"   // a constructor needs what the module does not see
	ProblemAmbiguous ProblemKind = "ambiguous" // a constructor needs what several modules offer
	ProblemDuplicate ProblemKind = "duplicate" // a module provides one type twice
	ProblemCycle     ProblemKind = "cycle"     // constructors need each other
	ProblemInvalid   ProblemKind = "invalid"   // something that can never work: a nil, a wrong signature
	ProblemOverride  ProblemKind = "override"  // an Override that fits nothing
)
