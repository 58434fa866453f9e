package pipeline

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// Logging is an interceptor that logs every request and message after its answer, with
// kind, pattern, name, HTTP status and duration: those that succeeded at Info, those that
// failed or were denied by a guard at Warn with the error and the code that the client
// received. Messages have the id of the client. Refused connections are denied too. Requests without a route and events without
// a handler are logged at Info, because clients can cause any number of them. Payloads are
// not logged, because they may contain secrets. Lines are cut to 2 KB. Denials with the status 429, of which
// clients can cause any number, have one line a minute, with their number as "denials". The framework logs
// unknown errors too, so these appear twice.
//
//	app.Main(Module, app.UseInterceptors(pipeline.NewLogging))
type Logging struct {
	log     *slog.Logger
	attrs   func(ctx context.Context, c *Call) []slog.Attr // nil without With
	limited *logsample.Minute
}

var _ OutcomeInterceptor = (*Logging)(nil)

// NewLogging returns a Logging that writes to log. It is a constructor for
// app.UseInterceptors and the like.
func NewLogging(log *slog.Logger) *Logging {
	return &Logging{log: slog.New(logsample.Cutting(log.Handler())), limited: &logsample.Minute{}}
}

// With returns a Logging that adds attributes to each line, such as the client, the user or the id of the request.
// attrs is called concurrently.
//
//	func NewLogging(log *slog.Logger, guard *jwtauth.Guard[Claims]) *pipeline.Logging {
//		return pipeline.NewLogging(log).With(func(ctx context.Context, c *pipeline.Call) []slog.Attr {
//			claims, _ := guard.Get(c)
//			return []slog.Attr{slog.String("user", claims.Subject)}
//		})
//	}
func (l *Logging) With(attrs func(ctx context.Context, c *Call) []slog.Attr) *Logging {
	other := *l
	other.attrs = attrs
	return &other
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
	attrs := make([]slog.Attr, 0, 10)
	if o.Denied && o.Client != nil && o.Client.Status == http.StatusTooManyRequests {
		n := l.limited.Count()
		if n == 0 {
			return
		}
		attrs = append(attrs, slog.Int("denials", n))
	}
	if client, ok := HolderFrom(ctx).(interface{ ID() string }); ok {
		attrs = append(attrs, slog.String("client", client.ID()))
	}
	if l.attrs != nil {
		attrs = append(attrs, l.attrs(ctx, c)...)
	}
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
