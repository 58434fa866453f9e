package codec_test

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// wait is a payload that JSON does not have.
type wait struct {
	For time.Duration `json:"for"`
}

var (
	waited   = websockets.NewEvent[wait]("waited")
	askToRun = websockets.NewCall[int, func()]("run")
)

// broken has a handler for each way to use a type that JSON does not have.
type broken struct{}

func newBroken() *broken { return &broken{} }

func (*broken) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("in", handleWait),
		websockets.On("out", func(context.Context, int) (map[string]chan int, error) { return nil, nil }),
		websockets.Listen("listen", func(context.Context, []fmt.Stringer) error { return nil }),
		websockets.On("response", func(context.Context, int) (websockets.Response[wait], error) { return waited.Response(wait{}), nil }),
		websockets.Stream("stream", func(context.Context, complex128) iter.Seq2[websockets.Response[int], error] { return nil }),
		websockets.On("fine", func(context.Context, time.Time) (any, error) { return nil, nil }),
	}
}

func handleWait(context.Context, wait) (bool, error) { return true, nil }

// TestField_X38_FoundAtTheStart: Payloads, results, responses, streams, events and answers of calls whose types JSON does not have, such as
// functions, channels and a time.Duration, are one list of start errors, with the gateway, the event, the handler and the
// field, before a client has connected.
func TestField_X38_FoundAtTheStart(t *testing.T) {
	start := func(opts ...websockets.Option) string {
		root := module.New("broken", module.Exports(websockets.Gateway(newBroken, opts...)))
		a, err := app.New(root, app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()))
		if err == nil {
			err = a.Start(t.Context())
		}
		if err == nil {
			t.Fatal("it started")
		}
		return lineNumber.ReplaceAllString(err.Error(), ".go")
	}
	got := start()
	emits := start(websockets.Emits(waited, askToRun)) // before the gateway is made
	const duration = `For: a time.Duration has no JSON form: use int64 milliseconds, or a type with MarshalText and UnmarshalText`
	for _, want := range []string{
		`codec_test.newBroken (field/codec/types_test.go)`,
		`subscription "in" (field/codec/types_test.go), codec_test.handleWait: the payload codec_test.wait: ` + duration,
		`subscription "out" (field/codec/types_test.go), codec_test.(*broken).Subscriptions.func1: the result map[string]chan int: a chan int has no JSON form`,
		`subscription "listen" (field/codec/types_test.go), codec_test.(*broken).Subscriptions.func2: the payload []fmt.Stringer: the interface fmt.Stringer cannot be decoded`,
		`subscription "response" (field/codec/types_test.go), codec_test.(*broken).Subscriptions.func3: the response codec_test.wait: ` + duration,
		`subscription "stream" (field/codec/types_test.go), codec_test.(*broken).Subscriptions.func4: the payload complex128: a complex128 has no JSON form`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing: %s\nin\n%s", want, got)
		}
	}
	for _, want := range []string{
		`event "waited" (field/codec/types_test.go): the payload codec_test.wait: ` + duration,
		`event "run" (field/codec/types_test.go): the answer func(): a func() has no JSON form`,
	} {
		if !strings.Contains(emits, want) {
			t.Errorf("missing: %s\nin\n%s", want, emits)
		}
	}
	if strings.Contains(got, `"fine"`) {
		t.Error(got)
	}
}

var lineNumber = regexp.MustCompile(`\.go:\d+`)

// placed is a subscription, or an event, and the line where it was made.
type placed struct {
	line int
	sub  websockets.Subscription
}

func line() int {
	_, _, line, _ := runtime.Caller(1)
	return line
}

var (
	askWait    = websockets.NewRequest[wait, int]("request")
	waitStream = websockets.NewStream[wait]("stream", websockets.NewEvent[int]("item"))
	sentLine   = line() + 1
	sent       = websockets.NewEvent[wait]("sent")
)

// waiting has handlers of every form.
type waiting struct{ list []placed }

func newWaiting() *waiting {
	g := &waiting{}
	stream := func(context.Context, wait) iter.Seq2[websockets.Response[int], error] { return nil }
	g.list = []placed{
		{line(), websockets.On("method", g.handle)},
		{line(), websockets.On("function", handleWait)},
		{line(), websockets.On("closure", func(context.Context, wait) (bool, error) { return g == nil, nil })},
		{line(), websockets.Listen("listen", func(context.Context, wait) error { return nil })},
		{line(), websockets.Stream("items", stream)},
		{line(), askWait.On(func(context.Context, wait) (int, error) { return 0, nil })},
		{line(), waitStream.On(stream)},
	}
	return g
}

func (*waiting) handle(context.Context, wait) (bool, error) { return true, nil }

func (g *waiting) Subscriptions() (list []websockets.Subscription) {
	for _, p := range g.list {
		list = append(list, p.sub)
	}
	return list
}

// TestField_X38_Places: The start errors of handlers and events name the file and the line where each was subscribed or declared, for
// methods, functions and closures, and for descriptors of both ends.
func TestField_X38_Places(t *testing.T) {
	a, err := app.New(module.New("waiting", module.Exports(websockets.Gateway(newWaiting))), app.Mounted(), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	got := a.Start(t.Context())
	for _, p := range newWaiting().list {
		event := p.sub.Spec(seal.Framework{}).Event
		if want := fmt.Sprintf("subscription %q (field/codec/types_test.go:%d), codec_test.", event, p.line); got == nil || !strings.Contains(got.Error(), want) {
			t.Errorf("missing: %s\nin\n%v", want, got)
		}
	}
	err = app.Validate(module.New("waiting", module.Exports(websockets.Gateway(newBroken, websockets.Emits(sent)))), app.WebSockets(ws.New()))
	if want := fmt.Sprintf(`event "sent" (field/codec/types_test.go:%d): the payload codec_test.wait`, sentLine); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("missing: %s\nin\n%v", want, err)
	}
}

// TestField_X40_AnswerAsPayload: A call whose answer is a websockets.Payload returns the answer undecoded.
func TestField_X40_AnswerAsPayload(t *testing.T) {
	onEach(t, func(t *testing.T, a asker) {
		a.askBack(t, "ask raw", `{"a":[1,2.50]}`, `"{\"a\":[1,2.50]}"`)
		a.askBack(t, "ask raw", `null`, `"null"`)
	})
}
