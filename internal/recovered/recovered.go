// Package recovered has the errors that stand for user functions that did not return.
package recovered

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/place"
)

// PanicError is a recovered panic.
type PanicError struct {
	Value any
	// Place is where it panicked: chat/gateway.go:12.
	Place string
	Stack []byte
}

// New returns the error of a recovered value; call it in the deferred function.
func New(v any) *PanicError { return &PanicError{v, panicked(), debug.Stack()} }

// Into stores a panic of the function that defers it in err: defer recovered.Into(&err).
func Into(err *error) {
	if v := recover(); v != nil {
		*err = New(v)
	}
}

func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Attrs returns the attributes of a log line about the panic.
func (p *PanicError) Attrs() []any {
	return append([]any{"panic", p.Value}, p.Where()...)
}

// Where returns the attributes that say where it panicked, for a log line that has the error.
func (p *PanicError) Where() []any { return []any{"place", p.Place, "stack", frames(string(p.Stack))} }

// frames returns the functions of a stack from the one that panicked on, on one line: text handlers of log/slog escape
// the line breaks and tabs of a stack, which then cannot be read.
//
//	chat.(*Gateway).join chat/gateway.go:12 < gateway.(*session).handle gateway/dispatch.go:80
func frames(stack string) string {
	if _, rest, ok := strings.Cut(stack, "\npanic("); ok {
		_, stack, _ = strings.Cut(rest, "\n")  // its arguments
		_, stack, _ = strings.Cut(stack, "\n") // its place in the runtime
	} else {
		_, stack, _ = strings.Cut(stack, "\n") // goroutine 7 [running]:
	}
	var b strings.Builder
	for stack != "" {
		var name, at string
		name, stack, _ = strings.Cut(stack, "\n")
		at, stack, _ = strings.Cut(stack, "\n")
		if end := strings.LastIndexByte(name, '('); end > 0 && strings.HasSuffix(name, ")") {
			name = name[:end]
		}
		by, created := strings.CutPrefix(name, "created by ")
		if created {
			name, _, _ = strings.Cut(by, " in goroutine ")
		}
		if strings.HasPrefix(name, "runtime.") {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(" < ")
		}
		if created {
			b.WriteString("go ")
		}
		at, _, _ = strings.Cut(strings.TrimSpace(at), " +0x")
		if colon := strings.LastIndexByte(at, ':'); colon > 0 {
			if line, err := strconv.Atoi(at[colon+1:]); err == nil {
				at = place.Of(name, at[:colon], line).String()
			}
		}
		b.WriteString(name[strings.LastIndexByte(name, '/')+1:] + " " + at)
	}
	return b.String()
}

// panicked returns the place of the innermost function outside of the runtime that panicked.
func panicked() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	panicking := false
	for {
		f, more := frames.Next()
		if inRuntime := strings.HasPrefix(f.Function, "runtime."); panicking && !inRuntime {
			return place.OfFrame(f).String()
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
