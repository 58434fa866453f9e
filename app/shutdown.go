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
	requested chan error // of Run; capacity 1: the first counts
	running   atomic.Bool
}

// decorate is a decorator for fx, whose own Shutdowner would need its handling of signals.
func (s *shutdowner) decorate(fx.Shutdowner) fx.Shutdowner { return s }

// exitCode is the type of the option fx.ExitCode.
var exitCode = reflect.TypeOf(fx.ExitCode(0))

// Shutdown implements [fx.Shutdowner].
func (s *shutdowner) Shutdown(opts ...fx.ShutdownOption) error {
	var err error
	for _, o := range opts {
		if v := reflect.ValueOf(o); v.IsValid() && v.Type() == exitCode && v.Int() != 0 {
			err = &ExitError{Code: int(v.Int())}
		}
	}
	return s.request(err)
}

var errNotRun = errors.New("app: Shutdown has no effect, because the application was not started with Main or Run: call Stop")

// request ends Run with an error, or with nil.
func (s *shutdowner) request(err error) error {
	if !s.running.Load() {
		return errNotRun
	}
	select {
	case s.requested <- err:
	default: // another call was first
	}
	return nil
}
