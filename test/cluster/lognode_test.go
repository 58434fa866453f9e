package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// logNodeProgram is the variable that makes the test binary a node with a log: its settings.
const logNodeProgram = "GATEHOUSE_LOG_NODE"

type logNodeSettings struct {
	Redis      string
	Beat, Dead time.Duration
}

// logGateway has clients that choose their rooms.
type logGateway struct {
	Server *websockets.Server `websockets:"server"`
}

func (*logGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", func(ctx context.Context, room string) (string, error) {
			return room, websockets.ClientFrom(ctx).Join(room)
		}),
		websockets.On("leave", func(ctx context.Context, room string) (string, error) {
			websockets.ClientFrom(ctx).Leave(room)
			return room, nil
		}),
		websockets.On("rooms", func(ctx context.Context, _ string) ([]string, error) {
			return websockets.ClientFrom(ctx).Rooms(), nil
		}),
	}
}

// obey emits what the test commands: to a room or a client, by a source, with a number.
func (g *logGateway) obey(a *app.App) {
	defer os.Exit(0) // with the test
	for all := bufio.NewScanner(os.Stdin); all.Scan(); {
		f := strings.Fields(all.Text())
		if f[0] == "nodes" {
			_, _ = fmt.Fprintln(os.Stdout, "nodes", len(g.Server.Nodes()), a.Stats().Backplane.Gaps)
			continue
		}
		source, _ := strconv.Atoi(f[2])
		n, _ := strconv.Atoi(f[3])
		to := g.Server.To(strings.ReplaceAll(f[1], "_", " "))
		if f[0] == "client" {
			to = g.Server.ToID(f[1])
		}
		if err := to.Emit(context.Background(), "n", stamp{source, n}); err != nil {
			slog.Error("emit", "error", err)
		}
	}
}

// runLogNode is the main function of a node with a log.
func runLogNode(settings string) {
	var s logNodeSettings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	recovery := adapter.Recovery{MaxClientsPerAddress: 10_000}
	g := &logGateway{}
	app.Main(module.New("log", module.Exports(
		websockets.Gateway(func() *logGateway { return g }, websockets.Via(socketio.New(socketio.Options{Recovery: &recovery})),
			websockets.Via(ws.New(ws.Options{Recovery: &recovery}), websockets.Path("/ws"))),
	)), app.HTTP("127.0.0.1:0"), app.Logger(log), app.Backplane(redis.Streams(redis.Address(s.Redis)), backplane.Beats(s.Beat, s.Dead)), app.OnReady(func(a *app.App) {
		go g.obey(a)
		_, _ = fmt.Fprintln(os.Stdout, "ready", a.Addr())
	}))
}
