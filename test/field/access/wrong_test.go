package access_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// talk sends events to a gateway at "/", on any platform.
type talk interface {
	say(event, data string) bool // without an answer
	ask(event, data string) bool // with an answer
	answer(id int) bool          // to a call of the server
	alive()
	WantEnd(code int)
}

func (l *line) say(event, data string) bool { return l.Send(fmt.Sprintf(`42[%q,%s]`, event, data)) }
func (l *line) ask(event, data string) bool { return l.Send(fmt.Sprintf(`427[%q,%s]`, event, data)) }
func (l *line) answer(id int) bool          { return l.Send(fmt.Sprintf(`43%d[1]`, id)) }

func (l *line) alive() {
	l.T.Helper()
	l.Send(`429["echo","alive"]`)
	l.Want(`439["alive"]`)
}

// plain is a plain WebSocket.
type plain struct {
	t *testing.T
	*rawpeer.Peer
}

func (p *plain) say(event, data string) bool {
	return p.TrySend(fmt.Sprintf(`{"event":%q,"data":%s}`, event, data)) == nil
}

func (p *plain) ask(event, data string) bool {
	return p.TrySend(fmt.Sprintf(`{"event":%q,"data":%s,"id":7}`, event, data)) == nil
}
func (p *plain) answer(id int) bool { return p.TrySend(fmt.Sprintf(`{"id":%d,"data":1}`, id)) == nil }

func (p *plain) alive() {
	p.t.Helper()
	p.Send(`{"event":"echo","data":"alive","id":9}`)
	for {
		if got := p.Text(); strings.HasPrefix(got, `{"id":9,`) {
			return
		}
	}
}

func (p *plain) WantEnd(code int) { p.t.Helper(); p.WantClose(code) }

// everywhere runs a test on every way with a stage and a function that connects clients.
func everywhere(t *testing.T, opts []stage.Option, f func(t *testing.T, s *stage.Stage, dial func() talk)) {
	t.Helper()
	each(t, append([]way{{ways.Way{Name: "ws", Adapter: ways.PlainWS}}}, socketIO...), func(t *testing.T, w way) {
		s := w.Stage(t, opts...)
		f(t, s, func() talk {
			if w.Name == "ws" {
				return &plain{t, rawpeer.Open(t, s.Addr, "/")}
			}
			l := w.dial(t, s)
			l.Send("40")
			l.Want("40")
			return l
		})
	})
}

type order struct {
	N int `json:"n"`
}

func (o order) Validate() error {
	if o.N < 0 {
		return errors.New("n is negative")
	}
	return nil
}

var errHandler = errors.New("the database is unavailable")

// moody is a stage with events that fail in every way.
func moody() []stage.Option {
	refuse := func(err error) websockets.Enhancement {
		return websockets.UseGuards(pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
			if c.Kind == pipeline.KindMessage {
				return err
			}
			return nil
		}))
	}
	pipe := func(err error) websockets.Enhancement {
		return websockets.UsePipes(pipeline.PipeFunc(func(context.Context, *pipeline.Call, any) error { return err }))
	}
	ok := func(context.Context, order) (int, error) { return 1, nil }
	fails := func(err error) func(context.Context, order) (int, error) {
		return func(context.Context, order) (int, error) { return 0, err }
	}
	return []stage.Option{stage.Handle(
		websockets.On("order", ok),
		websockets.On("forbidden", ok, refuse(pipeline.ErrForbidden)),
		websockets.On("limited", ok, refuse(&pipeline.Error{Message: "Slower", Status: http.StatusTooManyRequests})),
		websockets.On("invalid", ok, pipe(pipeline.Invalid(pipeline.Violation{Field: "n", Rule: "max", Message: "is too large"}))),
		websockets.On("guard unavailable", ok, refuse(errHandler)),
		websockets.On("guard busy", ok, refuse(&pipeline.Error{Message: "Later", Status: http.StatusServiceUnavailable})),
		websockets.On("pipe unavailable", ok, pipe(errHandler)),
		websockets.On("handler unavailable", fails(errHandler)),
		websockets.On("handler refuses", fails(websockets.NewError("Room is full"))),
		websockets.On("handler late", fails(context.DeadlineExceeded)),
	)}
}

// TestField_X16_ClientErrors: A client that makes 50 errors within 10 s is disconnected with close code 1008, after
// the answer to the last one; 49 are allowed. Errors are unknown events, names that are too long, payloads that do
// not decode or are not valid, refusals by guards, answers without a call and, on plain WebSocket, malformed
// messages.
func TestField_X16_ClientErrors(t *testing.T) {
	long := strings.Repeat("n", 300)
	kinds := map[string]func(c talk) bool{
		"unknown event":           func(c talk) bool { return c.say("unknown", "1") },
		"unknown event, asked":    func(c talk) bool { return c.ask("unknown", "1") },
		"long name":               func(c talk) bool { return c.say(long, "1") },
		"payload of another type": func(c talk) bool { return c.ask("order", `"text"`) },
		"Validate":                func(c talk) bool { return c.say("order", `{"n":-1}`) },
		"pipe":                    func(c talk) bool { return c.ask("invalid", `{"n":1}`) },
		"guard":                   func(c talk) bool { return c.say("forbidden", `{"n":1}`) },
		"rate limit":              func(c talk) bool { return c.ask("limited", `{"n":1}`) },
		"answer":                  func(c talk) bool { return c.answer(12) },
		"not understood": func(c talk) bool {
			if p, ok := c.(*plain); ok {
				return p.TrySend(`{"event":`) == nil
			}
			return c.say("unknown", "1")
		},
	}
	everywhere(t, moody(), func(t *testing.T, s *stage.Stage, dial func() talk) {
		n := 0
		for name, wrong := range kinds {
			c := dial()
			for range 49 {
				if !wrong(c) {
					t.Fatalf("%s: the connection has ended early", name)
				}
			}
			c.alive()
			wrong(c)
			c.WantEnd(1008)
			n++
			for _, r := range s.WantReasons(n)[n-1:] {
				if r.Cause != websockets.CauseClientErrors {
					t.Errorf("%s: the reason is %v", name, r)
				}
			}
		}
	})
}

// TestField_X16_NotTheClientsFault: Errors of the server do not count, however often they occur: masked errors of
// guards, pipes and handlers, timeouts, a service that is not available. Nor do errors that handlers return.
func TestField_X16_NotTheClientsFault(t *testing.T) {
	everywhere(t, moody(), func(t *testing.T, _ *stage.Stage, dial func() talk) {
		for _, event := range []string{"guard unavailable", "guard busy", "pipe unavailable", "handler unavailable", "handler refuses", "handler late"} {
			c := dial()
			for range 60 {
				if !c.say(event, `{"n":1}`) {
					t.Fatalf("%s: the connection has ended", event)
				}
			}
			c.alive()
		}
	})
}

// TestField_X16_NoLimit: With a negative Limits.ClientErrors nothing is counted, and another number is the limit.
func TestField_X16_NoLimit(t *testing.T) {
	limit := func(n int) []stage.Option {
		return append(moody(), stage.Limits(websockets.Limits{ClientErrors: n}))
	}
	everywhere(t, limit(-1), func(_ *testing.T, _ *stage.Stage, dial func() talk) {
		c := dial()
		for range 200 {
			c.say("unknown", "1")
		}
		c.alive()
	})
	everywhere(t, limit(3), func(_ *testing.T, _ *stage.Stage, dial func() talk) {
		c := dial()
		for range 3 {
			c.say("unknown", "1")
		}
		c.WantEnd(1008)
	})
}

// TestField_X16_AcrossReentry: Errors are counted per connection: leaving the namespace and entering it again does
// not reset the count, and namespaces count together.
func TestField_X16_AcrossReentry(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, stage.Gateway(websockets.Namespace("/{room}")))
		l := w.dial(t, s)
		for i := range 49 {
			ns := fmt.Sprintf("/%d", i%3)
			l.Send("40" + ns + ",")
			l.Want("40" + ns + ",{")
			l.Send("42" + ns + `,1["unknown"]`)
			l.Want("43" + ns + ",1[")
			l.Send("41" + ns + ",")
		}
		l.Send("40/last,")
		l.Want("40/last,{")
		l.Send(`42/last,1["unknown"]`)
		l.WantEnd(1008)
	})
}

// TestField_X16_LateAnswers: An answer that arrives after its call has ended is not an error of the client, however
// many arrive.
func TestField_X16_LateAnswers(t *testing.T) {
	const calls = 80
	gaveUp := make(chan struct{}, 5)
	late := stage.Handle(websockets.Listen("call me", func(ctx context.Context, _ struct{}) error {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		for range calls {
			if _, err := websockets.ClientFrom(ctx).Call(ended, "answer", nil); !errors.Is(err, context.Canceled) {
				return err
			}
		}
		gaveUp <- struct{}{}
		return nil
	}))
	everywhere(t, []stage.Option{late}, func(t *testing.T, _ *stage.Stage, dial func() talk) {
		c := dial()
		c.say("call me", "{}")
		testkit.Receive(t, "the timeout of the calls", gaveUp)
		for id := range calls {
			c.answer(id + 1)
		}
		c.alive()
	})
}

// TestField_X16_RefusedByRate: The answer to a message refused by a rate limit does not contain the message, so that
// its size is limited.
func TestField_X16_RefusedByRate(t *testing.T) {
	data := `{"n":1,"text":"` + strings.Repeat("x", 2000) + `"}`
	everywhere(t, []stage.Option{
		stage.Gateway(websockets.UseGuards(ratelimit.Messages(0, 1))),
		stage.Handle(websockets.On("order", func(context.Context, order) (int, error) { return 1, nil })),
	}, func(t *testing.T, _ *stage.Stage, dial func() talk) {
		c := dial()
		c.ask("order", data)
		c.ask("order", data)
		var got string
		for !strings.Contains(got, "rate_limited") {
			switch c := c.(type) {
			case *plain:
				got = c.Text()
			case *line:
				var ok bool
				if got, ok = c.Read(); !ok {
					t.Fatal("the connection has ended")
				}
			}
		}
		if strings.Contains(got, "xxx") || len(got) > 300 {
			t.Errorf("the answer is %.400s", got)
		}
	})
}
