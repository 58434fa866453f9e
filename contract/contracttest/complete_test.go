package contracttest_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract/contracttest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var (
	errFull = &websockets.Error{Message: "The room is full", Code: "room_full"}
	joined  = websockets.NewEvent[string]("joined")
	counted = websockets.NewEvent[int]("counted")
)

// rooms does what its name says: what it declares, and more on request.
type rooms struct {
	Server *websockets.Server `websockets:"server"`
}

func newRooms() *rooms { return &rooms{} }

func (r *rooms) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", r.join, websockets.Errors(errFull)),
		websockets.On("count", r.count, websockets.Sends(counted)),
		websockets.On("secret", r.secret, websockets.UseGuards(pipeline.GuardFunc(r.guard))),
		websockets.On("undeclared", r.undeclared),
		websockets.On("hinted", func(context.Context, struct{}) (websockets.Response[int], error) {
			return websockets.Response[int]{Event: "hint", Data: 1}, nil
		}),
	}
}

func (r *rooms) join(ctx context.Context, room string) (bool, error) {
	if room == "" {
		return false, errFull
	}
	return true, joined.Emit(ctx, r.Server, room)
}

func (*rooms) count(context.Context, int) (websockets.Response[int], error) {
	return counted.Response(1), nil
}

func (*rooms) guard(context.Context, *pipeline.Call) error {
	return &pipeline.Error{Message: "No", Code: "no_key"}
}

func (*rooms) secret(context.Context, int) (int, error) { return 0, nil }

func (r *rooms) undeclared(ctx context.Context, what string) (int, error) {
	switch what {
	case "event":
		return 0, r.Server.Emit(ctx, "surprise", 1)
	case "code":
		return 0, &websockets.Error{Message: "What?", Code: "strange"}
	case "no code":
		return 0, &websockets.Error{Message: "What?"}
	case "panic":
		panic(errFull)
	}
	return 0, errors.New(what)
}

func roomsModule() *module.Module {
	return module.New("rooms", module.Providers(websockets.Gateway(newRooms,
		websockets.Via(ws.New(), websockets.Path("/ws/{city}")),
		websockets.Via(socketio.New(), websockets.Namespace("/rooms/{city}")),
		websockets.Emits(joined),
	)))
}

func TestComplete(t *testing.T) {
	for name, dial := range map[string]func(*apptest.App) *apptest.Client{
		"ws":       func(a *apptest.App) *apptest.Client { return a.DialWS("/ws/rome") },
		"socketio": func(a *apptest.App) *apptest.Client { return a.DialSocketIO("/rooms/rome") },
	} {
		var r *testkit.Recorder
		run := func(t *testing.T, use func(c *apptest.Client)) {
			t.Helper()
			t.Run(name, func(t *testing.T) {
				r = &testkit.Recorder{TB: t}
				a := contracttest.Complete(r, roomsModule())
				use(dial(a))
			})
		}
		want := func(texts ...string) {
			t.Helper()
			got := regexp.MustCompile(`\.go:\d+`).ReplaceAllString(strings.Join(r.Failures(), "\n"), ".go:1")
			if got != strings.Join(texts, "\n") {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, strings.Join(texts, "\n"))
			}
		}
		run(t, func(c *apptest.Client) {
			c.Call("join", "tea")
			c.ExpectMessage("joined")
			c.CallError("join", "")
			c.CallError("join", 1) // bad_payload
			c.CallError("secret", 1)
			c.CallError("undeclared", "no code")
			c.CallError("undeclared", "panic")
			c.CallError("unknown", 1)
		})
		want()
		run(t, func(c *apptest.Client) {
			c.Call("undeclared", "event")
			c.ExpectMessage("surprise")
			c.CallError("undeclared", "code")
		})
		want(
			`contracttest: event "surprise", sent at contract/contracttest/complete_test.go:1 to a client of contracttest_test.newRooms (contract/contracttest/complete_test.go:1), is not declared: `+
				`list it with websockets.Emits, or websockets.Sends at its handler`,
			`contracttest: gateway contracttest_test.newRooms: event "undeclared" (contract/contracttest/complete_test.go:1) has answered with the code "strange", which is not `+
				`declared: list the error with websockets.Errors`)
		run(t, func(c *apptest.Client) {
			c.Emit("count", 1)
			c.ExpectMessage("counted")
			c.Emit("hinted", struct{}{})
			c.ExpectMessage("hint")
		})
		want(`contracttest: event "hint", sent to a client of contracttest_test.newRooms (contract/contracttest/complete_test.go:1), is not declared: ` +
			`list it with websockets.Emits, or websockets.Sends at its handler`)
	}
}
