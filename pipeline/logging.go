package pipeline

import (
	"context"
	"log/slog"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// Logging is an interceptor that logs every request and message after its answer, with
// kind, pattern, name, HTTP status and duration: those that succeeded at Info, those that
// failed or were denied by a guard at Warn with the error and the code that the client
// received. Refused connections are denied too. Requests without a route and events without
// a handler are logged at Info, because clients can cause any number of them. Payloads are
// not logged, because they may contain secrets. Lines are cut to 2 KB. The framework logs
// unknown errors too, so these appear twice.
//
//	app.Main(Module, app.UseInterceptors(pipeline.NewLogging))
type Logging struct{ log *slog.Logger }

var _ OutcomeInterceptor = (*Logging)(nil)

// NewLogging returns a Logging that writes to log. It is a constructor for
// app.UseInterceptors and the like.
func NewLogging(log *slog.Logger) *Logging {
	return &Logging{slog.New(logsample.Cutting(log.Handler()))}
}

// Intercept implements [Interceptor].
func (l *Logging) Intercept(ctx context.Context, _ *Call, next Next) (any, error) { return next(ctx) }

// Outcome implements [OutcomeInterceptor].
func (l *Logging) Outcome(ctx context.Context, c *Call, o Outcome) {
	level, message := slog.LevelInfo, "handled"
	switch {
	case o.Denied:
		level, message = slog.LevelWarn, "denied"
	case o.Err != nil && c.Name == "":
		message = "no handler"
	case o.Err != nil:
		level, message = slog.LevelWarn, "failed"
	}
	if !l.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs, slog.String("kind", string(c.Kind)), slog.String("pattern", c.Pattern), slog.String("name", c.Name),
		slog.Duration("took", o.Took))
	if o.Status != 0 {
		attrs = append(attrs, slog.Int("status", o.Status))
	}
	if o.Client != nil && o.Client.Code != "" {
		attrs = append(attrs, slog.String("code", o.Client.Code))
	}
	if o.Err != nil {
		attrs = append(attrs, slog.Any("error", o.Err))
	}
	if c.Request != nil {
		attrs = append(attrs, slog.String("remote", remote.Text(c.Request)))
	}
	l.log.LogAttrs(ctx, level, message, attrs...)
}
