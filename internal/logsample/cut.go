package logsample

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// overhead is the part of a line that the handler adds: time, level, source position.
const overhead = 256

// maxMessage is the maximum cost of the message.
const maxMessage = 1024

// Cutting returns a handler that cuts lines to [MaxLine] and drops none.
func Cutting(next slog.Handler) slog.Handler { return cutting{next} }

type cutting struct{ slog.Handler }

func (c cutting) Handle(ctx context.Context, r slog.Record) error {
	return c.Handler.Handle(ctx, cut(r, MaxLine))
}

func (c cutting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return cutting{c.Handler.WithAttrs(attrs)}
}

func (c cutting) WithGroup(name string) slog.Handler { return cutting{c.Handler.WithGroup(name)} }

// cut returns r with its longest values shortened so that the line has at most maxLine
// bytes. A record that fits is returned unchanged.
func cut(r slog.Record, maxLine int) slog.Record {
	budget := max(maxLine-overhead-min(cost(r.Message), maxMessage), 0)
	type value struct {
		attr slog.Attr
		text string
		cost int
	}
	values := make([]value, 0, 8)
	total := 0
	r.Attrs(func(a slog.Attr) bool {
		v := value{attr: a, text: text(a.Value)}
		v.cost = cost(v.text)
		budget -= keyCost(a.Key)
		total += v.cost
		values = append(values, v)
		return true
	})
	if total <= budget && cost(r.Message) <= maxMessage {
		return r
	}
	short := slog.NewRecord(r.Time, r.Level, shorten(r.Message, maxMessage), r.PC)
	costs := make([]int, len(values))
	for i, v := range values {
		costs[i] = v.cost
	}
	limit := maxCost(costs, max(budget, 0))
	for _, v := range values {
		if v.cost > limit {
			if v.attr.Key == "stack" {
				v.text = fromPanic(v.text)
			}
			v.attr.Value = slog.StringValue(shorten(v.text, limit))
		}
		short.AddAttrs(v.attr)
	}
	return short
}

// maxCost returns the maximum cost per value, so that all values fit into the budget and
// long ones get what short ones do not use. It sorts costs.
func maxCost(costs []int, budget int) int {
	slices.Sort(costs)
	for i, c := range costs {
		if each := budget / (len(costs) - i); c > each {
			return each
		}
		budget -= c
	}
	return budget
}

// fromPanic removes the frames of the recovery, above the panic.
func fromPanic(stack string) string {
	if _, rest, ok := strings.Cut(stack, "\npanic("); ok {
		return "panic(" + rest
	}
	return stack
}

// text formats a value as handlers do.
func text(v slog.Value) (s string) {
	defer func() {
		if recover() != nil { // a method of the value panicked
			s = "!PANIC"
		}
	}()
	v = v.Resolve()
	if v.Kind() != slog.KindAny {
		return v.String()
	}
	switch x := v.Any().(type) {
	case error:
		return x.Error()
	default:
		return fmt.Sprintf("%+v", x)
	}
}

func keyCost(key string) int { return len(key) + len(` =""`) + 2 }

// cost returns the length of a string when quoted as text or JSON. It stops counting
// above MaxLine.
func cost(s string) (n int) {
	for i := 0; i < len(s) && n <= MaxLine; {
		c, size := runeCost(s[i:])
		n += c
		i += size
	}
	return n
}

func runeCost(s string) (cost, size int) {
	c := s[0]
	switch {
	case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
		return 2, 1
	case c < ' ' || c == 0x7f:
		return len(`\u0000`), 1
	case c < utf8.RuneSelf:
		return 1, 1
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		return len(`\ufffd`), 1
	case !unicode.IsPrint(r):
		return len(`\U00000000`) + 2, size
	}
	return size, size
}

// shorten cuts a string to a cost and appends its original length.
func shorten(s string, limit int) string {
	if cost(s) <= limit {
		return s
	}
	suffix := "... (" + strconv.Itoa(len(s)) + " bytes)"
	budget, i := limit-len(suffix), 0
	for i < len(s) {
		c, size := runeCost(s[i:])
		if budget -= c; budget < 0 {
			break
		}
		i += size
	}
	return strings.Clone(s[:i]) + suffix
}
