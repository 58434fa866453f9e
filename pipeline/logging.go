package pipeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// Logging is an interceptor that logs every handled request and message at Info, with
// kind, pattern, name and duration, and those that failed or were denied by a guard at
// Warn with the error. Payloads are not logged, because they may contain secrets. Lines
// are cut to 2 KB. The framework logs unknown errors too, so these appear twice.
//
//	app.Main(Module, app.UseInterceptors(pipeline.NewLogging))
type Logging struct{ log *slog.Logger }

var _ DenialInterceptor = (*Logging)(nil)

// NewLogging returns a Logging that writes to log. It is a constructor for
// app.UseInterceptors and the like.
func NewLogging(log *slog.Logger) *Logging {
	return &Logging{slog.New(logsample.Cutting(log.Handler()))}
}

// Intercept implements [Interceptor].
func (l *Logging) Intercept(ctx context.Context, c *Call, next Next) (any, error) {
	start := time.Now()
	v, err := next(ctx)
	took := slog.Duration("took", time.Since(start))
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
