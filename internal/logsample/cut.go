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

// overhead is what a handler adds to a line: time, level, place of the call.
const overhead = 256

// maxMessage is the share of a message in the line.
const maxMessage = 1024

// Cutting returns a handler that cuts lines to [MaxLine] and leaves none out.
func Cutting(next slog.Handler) slog.Handler { return cutting{next} }

type cutting struct{ slog.Handler }

func (c cutting) Handle(ctx context.Context, r slog.Record) error {
	return c.Handler.Handle(ctx, cut(r, MaxLine))
}

func (c cutting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return cutting{c.Handler.WithAttrs(attrs)}
}

func (c cutting) WithGroup(name string) slog.Handler { return cutting{c.Handler.WithGroup(name)} }

// cut returns r with its longest values cut, so that it fits into a line of that many
// bytes. One that fits is returned as it is.
func cut(r slog.Record, line int) slog.Record {
	room := max(line-overhead-min(cost(r.Message), maxMessage), 0)
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
		room -= keyCost(a.Key)
		total += v.cost
		values = append(values, v)
		return true
	})
	if total <= room && cost(r.Message) <= maxMessage {
		return r
	}
	short := slog.NewRecord(r.Time, r.Level, shorten(r.Message, maxMessage), r.PC)
	costs := make([]int, len(values))
	for i, v := range values {
		costs[i] = v.cost
	}
	share := share(costs, max(room, 0))
	for _, v := range values {
		if v.cost > share {
			if v.attr.Key == "stack" {
				v.text = fromPanic(v.text)
			}
			v.attr.Value = slog.StringValue(shorten(v.text, share))
		}
		short.AddAttrs(v.attr)
	}
	return short
}

// share is how much each value may have at most, so that all fit into the room and
// short ones leave their rest to long ones.
func share(costs []int, room int) int {
	slices.Sort(costs)
	for i, c := range costs {
		if each := room / (len(costs) - i); c > each {
			return each
		}
		room -= c
	}
	return room
}

// fromPanic cuts the frames of a stack that are above the panic: those of the recovery.
func fromPanic(stack string) string {
	if _, rest, ok := strings.Cut(stack, "\npanic("); ok {
		return "panic(" + rest
	}
	return stack
}

// text is a value as handlers write it.
func text(v slog.Value) (s string) {
	defer func() {
		if recover() != nil { // in a method of the user's
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

// cost is how long a text is when it is quoted, as text or as JSON; more than MaxLine
// where it is longer than that.
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

// shorten cuts a text to a cost, and says how much was cut.
func shorten(s string, limit int) string {
	if cost(s) <= limit {
		return s
	}
	rest := "... (" + strconv.Itoa(len(s)) + " bytes)"
	room, i := limit-len(rest), 0
	for i < len(s) {
		c, size := runeCost(s[i:])
		if room -= c; room < 0 {
			break
		}
		i += size
	}
	return strings.Clone(s[:i]) + rest
}
