package app

import (
	"log/slog"

	"go.uber.org/fx/fxevent"
)

// fxLogger logs only failed rollbacks of fx. Gatehouse itself logs construction and hooks, and
// returns errors.
type fxLogger struct{ log *slog.Logger }

func (l fxLogger) LogEvent(e fxevent.Event) {
	if e, ok := e.(*fxevent.RolledBack); ok && e.Err != nil {
		l.log.Error("rollback failed", "error", e.Err)
	}
}
