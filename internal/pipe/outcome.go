package pipe

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// WantsOutcome reports whether the chain has outcome interceptors.
func (c *Chain) WantsOutcome() bool { return len(c.outcomes) > 0 }

// Moment is the start of a call, on the monotonic clock; a time.Time would make the state
// of every message larger.
type Moment time.Duration

var process = time.Now()

// Now returns the current moment.
func Now() Moment { return Moment(time.Since(process)) }

// Begin returns the current moment if the chain has outcome interceptors, and zero otherwise.
func (c *Chain) Begin() Moment {
	if !c.WantsOutcome() {
		return 0
	}
	return Now()
}

// Report calls the outcome interceptors, innermost first. start is the
// result of [Chain.Begin] or [Now].
func (c *Chain) Report(ctx context.Context, call *pipeline.Call, start Moment, o pipeline.Outcome, log *slog.Logger) {
	o.Took = time.Duration(Now() - start)
	for _, i := range c.outcomes {
		report(ctx, call, o, i, log)
	}
}

// report calls one outcome interceptor and logs its panic.
func report(ctx context.Context, call *pipeline.Call, o pipeline.Outcome, i pipeline.OutcomeInterceptor, log *slog.Logger) {
	defer func() {
		if v := recover(); v != nil {
			log.ErrorContext(ctx, "panic in an Outcome method", append([]any{"pattern", logged(call), "name", call.Name}, recovered.New(v).Attrs()...)...)
		}
	}()
	i.Outcome(ctx, call, o)
}

// logged returns the pattern of a call for the log: that of a message may be a name that the client has chosen.
func logged(call *pipeline.Call) any {
	if call.Kind == pipeline.KindHTTP {
		return logsample.Route(call.Pattern)
	}
	return logsample.Chosen(call.Pattern)
}
