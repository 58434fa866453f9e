package jobs

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract/contracttest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDocuments: the gateway has documents, which module test/contracts validates.
func TestDocuments(t *testing.T) {
	contracttest.Golden(t, "testdata", Module, contracttest.With(app.WebSockets(socketio.New())))
}

// The job sends to the room while the application runs. TestMain finds a scheduler that runs on.
func TestJob(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(socketio.New())), apptest.Override[Every](Every(10*time.Millisecond)))
	follower, other := a.DialSocketIO("/", apptest.WithTimeout(testkit.Patience)), a.DialSocketIO("/")
	follower.Call("follow")
	first, second := follower.ExpectMessage("tick"), follower.ExpectMessage("tick")
	if string(first.Data) == string(second.Data) {
		t.Errorf("both are %s", first.Data)
	}
	other.ExpectNone("tick")
	if err := a.App().Stop(context.Background()); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

var errStart = errors.New("no database")

type failing struct{}

func newFailing(*Ticker) *failing { return &failing{} }

func (*failing) OnApplicationBootstrap(context.Context) error { return errStart }

// A start that fails before or after the job has started leaves nothing behind.
func TestFailedStart(t *testing.T) {
	for name, ctor := range map[string]any{"after": newFailing, "before": newUninitialized} {
		t.Run(name, func(t *testing.T) {
			m := module.New("failing", module.Providers(websockets.Gateway(NewGateway), NewTicker, module.Value(Every(time.Minute)), ctor))
			a, err := app.New(m, app.Mounted(), app.WebSockets(socketio.New()), app.Logger(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); !errors.Is(err, errStart) {
				t.Errorf("Start: %v", err)
			}
		})
	}
}

type uninitialized struct{}

func newUninitialized() *uninitialized { return &uninitialized{} }

func (*uninitialized) OnModuleInit(context.Context) error { return errStart }
