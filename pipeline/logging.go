package pipeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// Logging is an interceptor that logs every request and message when it has been
// handled, and those that a guard has denied: at Info, with kind, pattern, name and
// duration; at Warn with the error when it failed. Payloads, which may hold
// secrets, are not logged, and lines are cut to 2 KB. What the framework logs of unknown errors, it logs as well.
//
//	app.Main(Module, app.UseInterceptors(pipeline.NewLogging))
type Logging struct{ log *slog.Logger }

var _ DenialInterceptor = (*Logging)(nil)

// NewLogging makes one. It is a constructor that the module resolves.
func NewLogging(log *slog.Logger) *Logging {
	return &Logging{slog.New(logsample.Cutting(log.Handler()))}
}

// Intercept implements [Interceptor].
func (l *Logging) Intercept(ctx context.Context, c *Call, next Next) (any, error) {
	begin := time.Now()
	v, err := next(ctx)
	took := slog.Duration("took", time.Since(begin))
	if err != nil {
		l.write(ctx, slog.LevelWarn, "failed", c, took, slog.Any("error", err))
	} else {
		l.write(ctx, slog.LevelInfo, "handled", c, took)
	}
	return v, err
}

// InterceptDenial implements [DenialInterceptor].
func (l *Logging) InterceptDenial(ctx context.Context, c *Call, err error) error {
	l.write(ctx, slog.LevelWarn, "denied", c, slog.Any("error", err))
	return nil
}

func (l *Logging) write(ctx context.Context, level slog.Level, message string, c *Call, more ...slog.Attr) {
	if !l.log.Enabled(ctx, level) {
		return
	}
	attrs := append([]slog.Attr{
		slog.String("kind", string(c.Kind)), slog.String("pattern", c.Pattern), slog.String("name", c.Name),
	}, more...)
	if c.Request != nil {
		attrs = append(attrs, slog.String("remote", remote.Text(c.Request)))
	}
	l.log.LogAttrs(ctx, level, message, attrs...)
}
