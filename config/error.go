package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Error is what is wrong with the environment.
type Error struct {
	// Type is that of the configuration.
	Type reflect.Type
	// Problems are in the order of the fields; at least one.
	Problems []Problem
}

// Problem is what is wrong with one variable.
type Problem struct {
	// Variable is its name; empty for an error of Validate or of the type itself.
	Variable string
	// Err is the reason. It may contain the value.
	Err error
}

// String returns the name and the reason.
func (p Problem) String() string {
	if p.Variable == "" {
		return p.Err.Error()
	}
	return p.Variable + " " + p.Err.Error()
}

// Error lists all problems, one on each line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "config: %v: %d %s:", e.Type, len(e.Problems), plural(len(e.Problems)))
	for _, p := range e.Problems {
		b.WriteString("\n\t" + p.String())
	}
	return b.String()
}

func plural(n int) string {
	if n == 1 {
		return "problem"
	}
	return "problems"
}

// Unwrap returns the reasons.
func (e *Error) Unwrap() []error {
	all := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		all[i] = p.Err
	}
	return all
}
