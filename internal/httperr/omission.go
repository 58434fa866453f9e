package httperr

import (
	"context"
	"errors"
	"log/slog"

	"github.com/gatehouse-go/gatehouse/internal/payload"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Omission is a part of an error that is not sent, because it does not encode.
type Omission struct {
	Part Part
	Err  error
}

// Part is a part of an error.
type Part uint8

// The parts that may not encode.
const (
	Details Part = iota
	Body
)

// Log logs the omission, a panic of their methods as an error with its stack; args are further
// attributes.
func (o Omission) Log(ctx context.Context, log *slog.Logger, e *pipeline.Error, args ...any) {
	text := "the details of an error do not encode, and are left out"
	if o.Part == Body {
		text = "the body of an error does not encode, and the standard one is sent"
	}
	level, args := slog.LevelWarn, append(args, "code", e.Code)
	if p, ok := errors.AsType[*recovered.PanicError](o.Err); ok {
		level, args = slog.LevelError, append(args, p.Attrs()...)
	} else {
		args = append(args, "error", o.Err)
	}
	log.Log(ctx, level, text, args...)
}

// Marshal returns the error's own Body, or what standard returns for its Details, as JSON. What
// does not encode is left out, because it must not hide the error; omitted is called for it,
// unless it is nil.
func Marshal(e *pipeline.Error, standard func(details any) any, omitted func(Omission)) []byte {
	omit := func(p Part, err error) {
		if omitted != nil {
			omitted(Omission{p, err})
		}
	}
	if e.Body != nil {
		b, err := payload.Marshal(e.Body)
		if err == nil {
			return b
		}
		omit(Body, err)
	}
	b, err := payload.Marshal(standard(e.Details))
	if err != nil {
		omit(Details, err)
		b, _ = payload.Marshal(standard(nil))
	}
	return b
}

// Sendable returns err, or, if its Details or Body do not encode, the error without them, and
// logs that. Platforms write the errors of handshakes and have no logger for it.
func Sendable(ctx context.Context, log *slog.Logger, err error, args ...any) error {
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok || e.Details == nil && e.Body == nil {
		return err
	}
	var kept *pipeline.Error
	Marshal(e, func(details any) any { return details }, func(o Omission) {
		if kept == nil {
			c := *e
			kept = &c
		}
		if o.Part == Body {
			kept.Body = nil
		} else {
			kept.Details = nil
		}
		o.Log(ctx, log, e, args...)
	})
	if kept == nil {
		return err
	}
	return kept
}
