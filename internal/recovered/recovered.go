// Package recovered has the errors that stand for user functions that did not return.
package recovered

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// PanicError is a recovered panic.
type PanicError struct {
	Value any
	// Place is where it panicked: chat/gateway.go:12.
	Place string
	Stack []byte
}

// New returns the error of a recovered value; call it in the deferred function.
func New(v any) *PanicError { return &PanicError{v, place(), debug.Stack()} }

// Into stores a panic of the function that defers it in err: defer recovered.Into(&err).
func Into(err *error) {
	if v := recover(); v != nil {
		*err = New(v)
	}
}

func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Attrs returns the attributes of a log line about the panic.
func (p *PanicError) Attrs() []any {
	return []any{"panic", p.Value, "place", p.Place, "stack", string(p.Stack)}
}

// place returns the innermost function outside of the runtime that panicked.
func place() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	panicking := false
	for {
		f, more := frames.Next()
		if inRuntime := strings.HasPrefix(f.Function, "runtime."); panicking && !inRuntime {
			return filepath.Base(filepath.Dir(f.File)) + "/" + filepath.Base(f.File) + ":" + strconv.Itoa(f.Line)
		}
		panicking = panicking || f.Function == "runtime.gopanic" || f.Function == "runtime.sigpanic"
		if !more {
			return ""
		}
	}
}

// Do calls f on a goroutine of its own, which f may end, and waits for it. The error is a *[PanicError], [ErrExited], or
// nil.
func Do(f func()) error {
	done := make(chan error)
	go func() {
		err := ErrExited
		defer func() {
			if v := recover(); v != nil {
				err = New(v)
			}
			done <- err
		}()
		f()
		err = nil
	}()
	return <-done
}

// ErrExited stands for a function that has ended its goroutine.
var ErrExited = errors.New("the function has ended its goroutine (runtime.Goexit)")
