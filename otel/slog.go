package otel

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// SlogHandler adds trace_id and span_id to log lines whose context has a span. They are at the top level, whatever groups the
// logger has.
//
//	app.Logger(slog.New(otel.SlogHandler(slog.NewJSONHandler(os.Stdout, nil))))
//
// The log lines of gateways about a message have the context of its span, as those of handlers have it that pass their context
// to slog.InfoContext and the like. With the bridge otelslog there is no need for it.
func SlogHandler(to slog.Handler) slog.Handler { return slogHandler{plain: to, to: to} }

type slogHandler struct {
	plain slog.Handler                      // before the first group
	steps []func(slog.Handler) slog.Handler // what has been added since then
	to    slog.Handler                      // plain with the steps
}

// Enabled implements [slog.Handler].
func (h slogHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.to.Enabled(ctx, l) }

// Handle implements [slog.Handler].
func (h slogHandler) Handle(ctx context.Context, r slog.Record) error {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return h.to.Handle(ctx, r)
	}
	to := h.plain.WithAttrs([]slog.Attr{slog.String("trace_id", s.TraceID().String()), slog.String("span_id", s.SpanID().String())})
	for _, step := range h.steps {
		to = step(to)
	}
	return to.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.steps) == 0 {
		h.plain = h.plain.WithAttrs(attrs)
		h.to = h.plain
		return h
	}
	return h.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

// WithGroup implements [slog.Handler].
func (h slogHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h slogHandler) with(step func(slog.Handler) slog.Handler) slog.Handler {
	h.steps, h.to = append(slices.Clip(h.steps), step), step(h.to)
	return h
}
