package backplane

import "log/slog"

// LoggerUser is an engine with a log of its own.
type LoggerUser interface {
	Backplane
	// SetLogger sets the application's log. It is called once, before Start.
	SetLogger(log *slog.Logger)
}
