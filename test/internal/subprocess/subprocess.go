// Package subprocess runs an application in a separate process, for tests of signals, system limits and exits.
//
//	func TestMain(m *testing.M) { subprocess.Main(m) }
//
//	p := subprocess.Start(t, subprocess.Settings{})
//	rawpeer.Open(t, p.Addr, "/ws")          // plain WebSocket, and Socket.IO at /socket.io/
//	p.Signal(syscall.SIGTERM)
//	end := p.Wait()                         // status and counts
package subprocess

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const env = "GATEHOUSE_FAULTS_PROGRAM"

// Settings configure the application.
type Settings struct {
	// Files limits the file descriptors; 0 does not change the limit.
	Files uint64 `json:"files"`
	// Connections is the value for app.MaxConnections.
	Connections int `json:"connections"`
	// Memory is the memory limit of the runtime in bytes; 0 means none.
	Memory int64 `json:"memory"`
	// StopTimeout is the application's; 0 is its default.
	StopTimeout time.Duration `json:"stopTimeout"`
	// Level is the lowest level of the log.
	Level slog.Level `json:"level"`
	// SlowStart makes OnModuleInit wait for its context.
	SlowStart bool `json:"slowStart"`
}

// Counts are the application's counts when it ends.
type Counts struct {
	Connects    int64 `json:"connects"`
	Disconnects int64 `json:"disconnects"`
	Effects     int64 `json:"effects"`
}

// Main is TestMain: it runs the tests, or the program.
func Main(m *testing.M) {
	value := os.Getenv(env)
	if value == "" {
		goleak.VerifyTestMain(m)
		return
	}
	var s Settings
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		writef("bad settings: %v", err)
		return
	}
	if s.Files > 0 {
		if err := limitFiles(s.Files); err != nil {
			writef("limit: %v", err)
			return
		}
	}
	if s.Memory > 0 {
		debug.SetMemoryLimit(s.Memory)
	}
	opts := []app.Option{
		app.HTTP("127.0.0.1:0"),
		app.Logger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: s.Level}))),
		app.OnReady(func(a *app.App) { writef("ready %s", a.Addr()) }),
		app.MaxConnections(s.Connections),
	}
	if s.StopTimeout > 0 {
		opts = append(opts, app.StopTimeout(s.StopTimeout))
	}
	// For clients that request much and read none of it for a while.
	queue := websockets.WithLimits(websockets.Limits{SendQueue: 32 << 20, SendStall: time.Minute, CloseTimeout: 12 * time.Second})
	app.Main(module.New("program", module.Providers(
		websockets.Gateway(func() *gateway { return &gateway{settings: s} },
			websockets.Via(ws.New(), websockets.Path("/ws"), queue), websockets.Via(socketio.New(), queue)),
	)), opts...)
}

// writef writes a line for the test.
func writef(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }

type gateway struct {
	Server *websockets.Server `websockets:"server"`

	settings                       Settings
	connects, disconnects, effects atomic.Int64
}

func (g *gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, text string) (string, error) { return text, nil }),
		websockets.On("add", func(context.Context, int) (int64, error) { return g.effects.Add(1), nil }),
		websockets.On("effects", func(context.Context, int) (int64, error) { return g.effects.Load(), nil }),
		websockets.On("much", func(context.Context, int) (string, error) {
			g.effects.Add(1)
			return strings.Repeat("x", 4<<10), nil
		}),
		websockets.On("memory", func(context.Context, int) (int64, error) { return memory(), nil }),
		websockets.Listen("stuck", func(context.Context, int) error { writef("stuck"); select {} }, websockets.Background(1)),
		websockets.Stream("ticks", ticks, websockets.Background(1)),
	}
}

func ticks(context.Context, int) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		for n := 0; yield(websockets.Respond("tick", n), nil); n++ {
			continue
		}
	}
}

func (g *gateway) HandleConnection(context.Context, websockets.Client) error {
	g.connects.Add(1)
	return nil
}

func (g *gateway) HandleDisconnect(context.Context, websockets.Client, websockets.Reason) {
	g.disconnects.Add(1)
}

func (g *gateway) OnModuleInit(ctx context.Context) error {
	if g.settings.SlowStart {
		writef("starting")
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (g *gateway) OnModuleDestroy(context.Context) error { writef("stopping"); return nil }

func (g *gateway) OnApplicationShutdown(context.Context) error {
	b, err := json.Marshal(Counts{g.connects.Load(), g.disconnects.Load(), g.effects.Load()})
	writef("counts %s", b)
	return err
}
