package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestCalls(t *testing.T) {
	_, url := started(t)
	c := dial(t, url, client.Options{})
	blob := bytes.Repeat([]byte{0, 1, 255}, 1000)
	if got := call(t, c, Echo, Note{"é \u2028\"", blob}); got.Text != "é \u2028\"" || !bytes.Equal(got.Blob, blob) {
		t.Errorf("echo: %+v", got)
	}
	if got := call(t, c, Fail, "fine"); got != "fine" {
		t.Errorf("fail: %q", got)
	}
	if got := call(t, c, Mix, websockets.NewArgs2("a", 7)); got != websockets.NewArgs2(7, "a") {
		t.Errorf("mix: %+v", got)
	}
	if got := call(t, c, Room, none{}); got != "tea" {
		t.Errorf("room: %q", got)
	}
	p, err := c.Call(t.Context(), "echo", websockets.Payload{
		JSON: []byte(`{"blob":{"_placeholder":true,"num":0}}`), Attachments: [][]byte{{7}},
	})
	if err != nil || string(p.JSON) != `{"text":"","blob":"Bw=="}` {
		t.Errorf("a payload: %s, %v", p.JSON, err)
	}
	if p, err := c.Call(t.Context(), "hang", func() {}); err == nil || !p.IsZero() {
		t.Errorf("a func is sent: %v", err)
	}
	if _, err := c.Call(t.Context(), "", 1); !errors.Is(err, websockets.ErrNoEvent) {
		t.Errorf("without a name: %v", err)
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	_, url := started(t)
	c := dial(t, url, client.Options{})
	_, err := Fail.Call(t.Context(), c, "burnt")
	e, ok := errors.AsType[*websockets.Error](err)
	if !ok || e.Message != "The soup is burnt" || e.Code != "burnt" || e.Body != nil {
		t.Fatalf("got %v: %+v", err, e)
	}
	if want := `client: call "fail": The soup is burnt`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if d, ok := client.Details[map[string]int](err); !ok || d["minutes"] != 9 {
		t.Errorf("details: %v", e.Details)
	}
	if d, ok := client.Details[[]string](err); ok || d != nil {
		t.Errorf("details of another form: %v", d)
	}
	wantErrors(t, err)
	_, err = Fail.Call(t.Context(), c, "masked")
	if e, ok := errors.AsType[*websockets.Error](err); !ok || e.Message != "Internal server error" {
		t.Errorf("a masked error: %v", err)
	}
	_, err = websockets.NewRequest[int, string]("fail").Call(t.Context(), c, 5)
	if d, ok := client.Details[[]pipeline.Violation](err); !ok || len(d) != 1 || d[0].Rule != "type" {
		t.Errorf("a bad payload: %v, %v", err, d)
	}
	_, err = websockets.NewRequest[int, string]("unknown").Call(t.Context(), c, 5)
	if e, ok := errors.AsType[*websockets.Error](err); !ok || e.Code != websockets.CodeUnknownEvent {
		t.Errorf("an unknown event: %v", err)
	}
	if _, ok := client.Details[int](err); ok {
		t.Error("details where there are none")
	}
	if _, ok := client.Details[int](errors.New("x")); ok {
		t.Error("details of another error")
	}
	// An answer that does not decode is an error, too.
	if v, err := websockets.NewRequest[string, int]("fail").Call(t.Context(), c, "text"); err == nil {
		t.Errorf("a text is a number: %d", v)
	}
	if got := call(t, c, Fail, "still open"); got != "still open" {
		t.Errorf("got %q", got)
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	_, url := started(t)
	c := dial(t, url, client.Options{Limits: client.Limits{Queued: 10}})
	var all sync.WaitGroup
	for n := range 1000 {
		all.Go(func() {
			times, err := Once.Call(t.Context(), c, n)
			if e, ok := errors.AsType[*websockets.Error](err); ok && e.Code == websockets.CodeTooManyTasks {
				return
			}
			if err != nil || times != 1 {
				t.Errorf("call %d: %d, %v", n, times, err)
			}
		})
	}
	all.Wait()
}

func TestTimeouts(t *testing.T) {
	k, url := started(t)
	c := dial(t, url, client.Options{Timeout: 50 * time.Millisecond})
	_, err := Hang.Call(t.Context(), c, none{})
	wantErrors(t, err, client.ErrUnanswered, context.DeadlineExceeded)
	if want := `client: call "hang": no answer: context deadline exceeded after 50ms: the server may have handled it`; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("mine")
	time.AfterFunc(10*time.Millisecond, func() { cancel(mine) })
	_, err = Hang.Call(ctx, c, none{})
	wantErrors(t, err, client.ErrUnanswered)
	if !errors.Is(err, mine) {
		t.Errorf("got %v", err)
	}
	// One that is not sent.
	idle := prepare(t, url, client.Options{Timeout: 10 * time.Millisecond})
	_, err = Once.Call(t.Context(), idle, 1)
	wantErrors(t, err, context.DeadlineExceeded)
	connect(t, idle)
	if got := call(t, c, Once, 2); got != 1 {
		t.Errorf("2 was handled %d times", got)
	}
	if k.times(1) != 0 {
		t.Error("a call was sent after its timeout")
	}
}

func TestEvents(t *testing.T) {
	_, url := started(t)
	var log testkit.Log
	c := prepare(t, url, client.Options{Logger: log.Logger(0)})
	got := make(chan string, 10)
	off := client.On(c, Poked, func(_ context.Context, s string) error { got <- s; return nil })
	client.On(c, Poked, func(_ context.Context, s string) error { got <- "2 " + s; return nil })
	connect(t, c)
	receive := func(want ...string) {
		t.Helper()
		for _, w := range want {
			if s := testkit.Receive(t, w, got); s != w {
				t.Errorf("got %q, want %q", s, w)
			}
		}
	}
	receive("welcome", "2 welcome") // sent by HandleConnection
	if err := Poke.Emit(t.Context(), c, "one"); err != nil {
		t.Fatal(err)
	}
	receive("one", "2 one")
	off()
	off()
	if err := Poke.Emit(t.Context(), c, "two"); err != nil {
		t.Fatal(err)
	}
	receive("2 two")
	// An error of what belongs to no request.
	if err := Poke.Emit(t.Context(), c, "wrong"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the error in the log", func() bool {
		return len(log.Lines("the server reports an error that belongs to no request", "The soup is burnt")) == 1
	})
	failures := make(chan json.RawMessage, 1)
	client.On(c, websockets.NewEvent[json.RawMessage](websockets.EventException), func(_ context.Context, m json.RawMessage) error {
		failures <- m
		return nil
	})
	if err := Poke.Emit(t.Context(), c, "wrong"); err != nil {
		t.Fatal(err)
	}
	if m := testkit.Receive(t, "the exception", failures); !bytes.Contains(m, []byte("burnt")) {
		t.Errorf("got %s", m)
	}
}

// A handler that calls the server, more events than wait, panics and errors.
func TestHandlers(t *testing.T) {
	_, url := started(t)
	var log testkit.Log
	c := dial(t, url, client.Options{Logger: log.Logger(0), Limits: client.Limits{Events: 100}})
	done := make(chan int, 1)
	sum := 0
	client.On(c, Number, func(ctx context.Context, n int) error {
		if n%50 == 0 {
			if _, err := Fail.Call(ctx, c, "x"); err != nil {
				t.Errorf("a call in a handler: %v", err)
			}
		}
		if sum += n; n == 499 {
			done <- sum
		}
		return nil
	})
	call(t, c, Burst, 500)
	if got := testkit.Receive(t, "the last number", done); got != 499*250 {
		t.Errorf("the sum is %d", got)
	}
	client.On(c, Poked, func(_ context.Context, s string) error {
		switch s {
		case "panic":
			panic("in a handler")
		case "exit":
			runtime.Goexit()
		}
		return errors.New("of a handler")
	})
	client.On(c, websockets.NewEvent[int]("poked"), func(context.Context, int) error { t.Error("a text is a number"); return nil })
	for _, s := range []string{"panic", "exit", "error"} {
		if err := Poke.Emit(t.Context(), c, s); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the errors in the log", func() bool {
		return len(log.Lines("handler failed", "in a handler", "call_test.go", "event=poked")) == 1 &&
			len(log.Lines("handler failed", "of a handler")) == 1 && len(log.Lines("handler failed", "the payload must be")) == 2 &&
			len(log.Lines("handler failed", "runtime.Goexit")) == 1
	})
}

func TestAnswers(t *testing.T) {
	_, url := started(t)
	var log testkit.Log
	c := dial(t, url, client.Options{Logger: log.Logger(0), Timeout: time.Minute, Limits: client.Limits{Answering: 2}})
	ask := func(q string) (bool, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return Ask.Call(ctx, c, q)
	}
	if _, err := ask("nothing answers"); err == nil {
		t.Error("nothing answers, and there is an answer")
	}
	eventually(t, "the call in the log", func() bool { return len(log.Lines("nothing answers: use client.Answer", "event=confirm")) == 1 })
	client.Answer(c, Confirm, func(context.Context, string) (bool, error) { t.Error("it was replaced"); return false, nil })
	var running sync.WaitGroup
	running.Add(2)
	release := make(chan struct{})
	client.Answer(c, Confirm, func(ctx context.Context, q string) (bool, error) {
		if _, has := ctx.Deadline(); !has {
			t.Error("there is no deadline")
		}
		switch q {
		case "panic":
			panic("of an answerer")
		case "exit":
			runtime.Goexit()
		case "wait":
			running.Done()
			<-release
		}
		return q == "yes" || q == "wait", nil
	})
	for q, want := range map[string]bool{"yes": true, "no": false} {
		if got := call(t, c, Ask, q); got != want {
			t.Errorf("%s: %v", q, got)
		}
	}
	for _, q := range []string{"panic", "exit", "exit"} {
		if _, err := ask(q); err == nil {
			t.Errorf("%s is an answer", q)
		}
	}
	eventually(t, "the panic in the log", func() bool { return len(log.Lines("is not answered", "of an answerer", "call_test.go")) == 1 })
	var asked sync.WaitGroup
	for range 2 {
		asked.Go(func() {
			if yes, err := Ask.Call(t.Context(), c, "wait"); err != nil || !yes {
				t.Errorf("%v, %v", yes, err)
			}
		})
	}
	running.Wait()
	if _, err := ask("yes"); err == nil {
		t.Error("a third call is answered")
	}
	if len(log.Lines("Limits.Answering")) == 0 {
		t.Errorf("no line about the third call:\n%s", log.String())
	}
	close(release)
	asked.Wait()
}

// An answer's context ends when the connection is lost, and the answer goes nowhere.
func TestAnswerOfALostConnection(t *testing.T) {
	_, url := started(t)
	c := dial(t, url, client.Options{Timeout: time.Minute, FirstRetry: time.Millisecond})
	ended := make(chan error, 1)
	client.Answer(c, Confirm, func(ctx context.Context, q string) (bool, error) {
		if q == "kick" {
			if _, err := Kick.Call(ctx, c, 3000); err != nil && !errors.Is(err, client.ErrDisconnected) {
				return false, err
			}
			<-ctx.Done()
			ended <- ctx.Err()
		}
		return true, nil
	})
	_, err := Ask.Call(t.Context(), c, "kick")
	wantErrors(t, err, client.ErrDisconnected, client.ErrUnanswered)
	if err := testkit.Receive(t, "the end of the context", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !call(t, c, Ask, "again") {
		t.Error("no answer on the next connection")
	}
}
