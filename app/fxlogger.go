package app

import (
	"log/slog"

	"go.uber.org/fx/fxevent"
)

// fxLogger logs only lifecycle hooks of fx. Gatehouse itself logs construction and
// returns errors.
type fxLogger struct{ log *slog.Logger }

func (l fxLogger) LogEvent(e fxevent.Event) {
	switch e := e.(type) {
	case *fxevent.OnStartExecuted:
		if e.Err == nil {
			l.log.Debug("hook", "hook", "fx.OnStart", "function", e.FunctionName, "took", e.Runtime)
		}
	case *fxevent.OnStopExecuted:
		if e.Err != nil {
			l.log.Error("hook failed", "hook", "fx.OnStop", "function", e.FunctionName, "error", e.Err)
			return
		}
		l.log.Debug("hook", "hook", "fx.OnStop", "function", e.FunctionName, "took", e.Runtime)
	case *fxevent.RolledBack:
		if e.Err != nil {
			l.log.Error("rollback failed", "error", e.Err)
		}
	}
}
