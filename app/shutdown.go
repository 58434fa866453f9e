package app

import (
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"go.uber.org/fx"
)

// ExitError is an error with the exit code of the process: [Main] uses it wherever it is in
// the error of a start, of a hook, or of [App.Run]. The zero Code counts as 1.
type ExitError struct {
	Code int
	Err  error // may be nil
}

// Error returns the error, or the exit code.
func (e *ExitError) Error() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// Unwrap returns Err.
func (e *ExitError) Unwrap() error { return e.Err }

// shutdowner is the [fx.Shutdowner] of an application: providers inject it to end Run.
type shutdowner struct {
	requested chan int // exit codes; capacity 1: the first counts
	running   atomic.Bool
}

// decorate is a decorator for fx, whose own Shutdowner would need its handling of signals.
func (s *shutdowner) decorate(fx.Shutdowner) fx.Shutdowner { return s }

// exitCode is the type of the option fx.ExitCode.
var exitCode = reflect.TypeOf(fx.ExitCode(0))

// Shutdown implements [fx.Shutdowner].
func (s *shutdowner) Shutdown(opts ...fx.ShutdownOption) error {
	code := 0
	for _, o := range opts {
		if v := reflect.ValueOf(o); v.IsValid() && v.Type() == exitCode {
			code = int(v.Int())
		}
	}
	if !s.running.Load() {
		return errors.New("app: Shutdown of fx.Shutdowner has no effect, because the application was not started with Main or Run: call Stop")
	}
	select {
	case s.requested <- code:
	default: // another call was first
	}
	return nil
}
