package packets_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// asked is the room of the client under test, so that calls do not reach the second one.
const asked = "asked"

// self is the client on the server's side.
func (c *client) self(t *testing.T, h *harness.Harness) websockets.Client {
	t.Helper()
	c.wantValue(t, "join", `["`+asked+`"]`, `1`)
	for self := range h.Server.To(asked).Local().Clients() {
		return self
	}
	t.Fatal("the client is in no room")
	return nil
}

// question is a call of the server that a client received, with its id.
func (c *client) question(t *testing.T) (id string) {
	t.Helper()
	if c.p != nil {
		text := c.p.Text()
		_, rest, ok := strings.Cut(text, `"event":"ask","id":`)
		if !ok {
			t.Fatalf("got %.200q, want a call", text)
		}
		return rest[:strings.IndexByte(rest, ',')]
	}
	text := c.w.Read()
	id, _, _ = strings.Cut(strings.TrimPrefix(text, "42"), "[")
	if !strings.HasPrefix(text, "42"+id+`["ask"`) || id == "" {
		t.Fatalf("got %.200q, want a call", text)
	}
	return id
}

func (c *client) answer(id, payload string) {
	if c.p != nil {
		c.p.Send(`{"id":` + id + `,"data":` + payload + `}`)
		return
	}
	c.w.Send(`43` + id + `[` + payload + `]`)
}

// TestFault_V18_NextTwice: An interceptor that calls next twice runs the handler twice, for a retry, and the client
// gets one answer.
func TestFault_V18_NextTwice(t *testing.T) {
	twice := pipeline.InterceptorFunc(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
		if _, err := next(ctx); err != nil {
			return nil, err
		}
		return next(ctx)
	})
	for name, adapter := range map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New()} {
		t.Run(name, func(t *testing.T) {
			h := harness.NewWith(t, adapter, []app.Option{app.UseInterceptors(twice)})
			c := &client{}
			if name == "ws" {
				c.p = h.Open(t)
			} else {
				c.w = h.EnterWS(t)
			}
			handled := h.Events()
			c.wantValue(t, "echo", `"x"`, `"x"`)
			c.wantValue(t, "echo", `"y"`, `"y"`) // not the second answer to x
			if n := h.Events() - handled; n != 4 {
				t.Errorf("handled %d times, want 4", n)
			}
			c.leave()
		})
	}
}

// TestFault_V28_CallsThatTimeOut: After more broadcasts with acks that time out than a client may have pending calls,
// none of them is kept: the next call reaches the client and is answered.
func TestFault_V28_CallsThatTimeOut(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		c.self(t, h)
		const n = 1100 // 1,024 of them may be pending
		for i := range n {
			ctx, timeout := context.WithCancelCause(t.Context())
			over := make(chan error, 1)
			go func() {
				answers, err := h.Server.To(asked).Call(ctx, "ask", i)
				if errors.Is(err, context.DeadlineExceeded) && len(answers.Missing) == 1 && errors.Is(answers.Missing[0].Err, context.DeadlineExceeded) {
					err = nil
				}
				over <- err
			}()
			c.question(t)
			timeout(context.DeadlineExceeded) // after the client has received it
			if err := <-over; err != nil {
				t.Fatalf("call %d: %v", i, err)
			}
		}
		answered := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
			defer cancel()
			answers, err := h.Server.To(asked).Call(ctx, "ask", "the last")
			if err == nil && len(answers.Answered) != 1 {
				err = fmt.Errorf("%+v", answers)
			}
			answered <- err
		}()
		c.answer(c.question(t), `1`)
		if err := <-answered; err != nil {
			t.Errorf("the last call: %v", err)
		}
	})
}

// TestFault_F53_AckIDs: An ack id over 2^53-1 or below zero ends the connection, because a JavaScript client could
// not represent it; the same id twice is answered twice, and an ack without a pending call is dropped.
func TestFault_F53_AckIDs(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		for _, p := range []string{
			`429007199254740992["echo","x"]`, `4299999999999999999999["echo","x"]`, `4218446744073709551617["echo","x"]`, `42-1["echo","x"]`, `421.5["echo","x"]`,
			`421e3["echo","x"]`, `42 1["echo","x"]`, `43-1[]`, `43[]`, `439007199254740992[]`, `431`, `431{}`, `431"x"`,
		} {
			breaks(t, h, enter(t), p)
		}
		w := enter(t)
		put(t, w, `425["echo","one"]`, `425["echo","two"]`)
		rawpeer.WantPacket(t, w, `435["one"]`)
		rawpeer.WantPacket(t, w, `435["two"]`)
		w.Send(`420["echo","zero"]`)
		rawpeer.WantPacket(t, w, `430["zero"]`)
		w.Send(`429007199254740991["echo","last"]`)
		rawpeer.WantPacket(t, w, `439007199254740991["last"]`)
		put(t, w, `430["not asked for"]`, `431[]`, `439007199254740991["x"]`, `461-7[{"_placeholder":true,"num":0}]`, "bAQ==")
		rawpeer.Echo(t, w, "unharmed")
		w.Send("1")
	})
	harness.Plain(t, func(t *testing.T, h *harness.Harness) {
		p := h.Open(t)
		for _, id := range []string{`{}`, `null`, `[1]`, `true`, `"` + strings.Repeat("x", 64) + `"`, strings.Repeat("9", 65)} {
			p.Send(`{"event":"echo","data":"x","id":` + id + `}`)
			if got := p.Text(); !strings.Contains(got, `"code":"bad_message"`) {
				t.Errorf("id %.20s: %.200s", id, got)
			}
		}
		for _, id := range []string{`-1`, `1e999`, `99999999999999999999999999`, `0`, `""`, `"__proto__"`, strings.Repeat("9", 64)} { // as written
			p.Send(`{"event":"echo","data":"x","id":` + id + `}`)
			p.Want(`{"id":` + id + `,"data":"x"}`)
		}
		p.Send(`{"id":99,"data":"not asked for"}`)
		rawpeer.EchoWS(t, p, "unharmed")
		p.Close()
	})
}

// TestFault_F54_AnswerTwice: If a client answers a call twice, the first answer counts, and the second is not used
// for the next call.
func TestFault_F54_AnswerTwice(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		self := c.self(t, h)
		one := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
			defer cancel()
			answer, err := self.Call(ctx, "ask", 0)
			if err == nil && string(answer.JSON) != `"first"` {
				err = fmt.Errorf("answered %s", answer.JSON)
			}
			one <- err
		}()
		id := c.question(t)
		for _, payload := range []string{`"first"`, `"second"`, `"third"`, `"fourth"`} {
			c.answer(id, payload)
		}
		if err := <-one; err != nil {
			t.Errorf("a call of one client: %v", err)
		}
		c.wantValue(t, "mirror", `1`, `1`)
		for i := range 3 {
			type result struct {
				answers websockets.Answers
				err     error
			}
			results := make(chan result, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
				defer cancel()
				answers, err := h.Server.To(asked).Call(ctx, "ask", i)
				results <- result{answers, err}
			}()
			id = c.question(t)
			c.answer(id, strconv.Itoa(i))
			c.answer(id, `"again"`)
			r := <-results
			if r.err != nil || len(r.answers.Answered) != 1 || string(r.answers.Answered[0].Value.JSON) != strconv.Itoa(i) {
				t.Errorf("call %d: %+v, %v", i, r.answers, r.err)
			}
		}
		c.wantValue(t, "mirror", `1`, `1`)
	})
}

// TestFault_F54_HandlerAnswersOnce: A handler cannot answer twice: it returns its answer, and a stream of many events
// sends a pending ack once, after them.
func TestFault_F54_HandlerAnswersOnce(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		w := enter(t)
		w.Send(`421["ticks",3]`)
		for _, want := range []string{`42["tick",0]`, `42["tick",1]`, `42["tick",2]`, `431[]`} {
			rawpeer.WantPacket(t, w, want)
		}
		rawpeer.Echo(t, w, "nothing more")
		w.Send("1")
	})
}

// TestFault_F55_NeverAnswered: A call that its client never answers ends with the error of its context, and with
// ErrClosed when the client leaves; a late answer is dropped.
func TestFault_F55_NeverAnswered(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		target := c.self(t, h)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := target.Call(ctx, "ask", 1)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call: %v", err)
		}
		id := c.question(t)
		c.answer(id, `"late"`)
		c.wantValue(t, "mirror", `1`, `1`)

		failed := make(chan error, 1)
		go func() {
			_, err := target.Call(context.Background(), "ask", 2)
			failed <- err
		}()
		c.question(t)
		if c.p != nil {
			c.p.Abort()
		} else {
			c.w.Abort()
		}
		if err := <-failed; !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("of a client that left: %v", err)
		}
		c.gone = true
	})
}
