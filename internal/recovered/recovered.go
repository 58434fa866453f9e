// Package recovered has the errors that stand for user functions that did not return.
package recovered

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError is a recovered panic.
type PanicError struct {
	Value any
	Stack []byte
}

// New returns the error of a recovered value; call it in the deferred function.
func New(v any) *PanicError { return &PanicError{v, debug.Stack()} }

func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// ErrExited stands for a function that has ended its goroutine.
var ErrExited = errors.New("the function has ended its goroutine (runtime.Goexit)")
