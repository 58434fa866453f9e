package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/presence"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// nodeProgram is the variable that makes the test binary a node: its settings.
const nodeProgram = "GATEHOUSE_CLUSTER_NODE"

// nodeSettings are those of a node that is a process.
type nodeSettings struct {
	Name  string // of the events that it emits
	Redis string // address; "" for NATS in the nodes
	Peers []string
	Beat  time.Duration // 0 is the default
	Dead  time.Duration

	Rolling *rollingSettings // nil for others than those of TestRollingRestartOfProcesses
}

// nodeState is what a node reports of itself.
type nodeState struct {
	Nodes, Goroutines, Files int
	Present                  []string // key and value of each client in the room
	Gaps, Duplicates         uint64
	Failed                   int // events that Emit refused
	ID                       string
	PID                      int
}

// crowd has all clients in one room.
type crowd struct {
	Server *websockets.Server `websockets:"server"`

	name            string
	app             *app.App
	emitted, failed int
}

const (
	crowdRoom = "square"
	emitEvery = 10 * time.Millisecond
)

var members = presence.New[int]("members")

func (g *crowd) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("enter", g.enter),
		websockets.On("echo", func(_ context.Context, n int) (int, error) { return n, nil }),
		members.On(func(context.Context, presence.Change[int]) error { return nil }),
	}
}

type entrant struct {
	Key   string
	Visit int
}

func (g *crowd) enter(ctx context.Context, e entrant) (int, error) {
	c := websockets.ClientFrom(ctx)
	if err := c.Join(crowdRoom); err != nil {
		return 0, err
	}
	return e.Visit, members.Track(ctx, c, crowdRoom, e.Key, e.Visit)
}

// emit emits numbered events until it is stopped.
func (g *crowd) emit(stop <-chan struct{}) {
	tick := time.NewTicker(emitEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		g.emitted++
		if err := g.Server.To(crowdRoom).Emit(context.Background(), g.name, g.emitted); err != nil {
			g.failed++
		}
	}
}

func (g *crowd) state() nodeState {
	runtime.GC()                            // what only a finalizer closes
	files, _ := os.ReadDir("/proc/self/fd") // empty on other systems
	b := g.app.Stats().Backplane
	s := nodeState{Nodes: len(g.Server.Nodes()), Goroutines: runtime.NumGoroutine(), Files: len(files), Gaps: b.Gaps, Duplicates: b.Duplicates, ID: g.app.Self().ID, PID: os.Getpid()}
	for _, e := range members.List(g.Server, crowdRoom) {
		for _, m := range e.Metas {
			s.Present = append(s.Present, fmt.Sprint(e.Key, " ", m.Value))
		}
	}
	slices.Sort(s.Present)
	return s
}

// askedState is what a question to all nodes has found.
type askedState struct {
	Clients, Counted       int
	Unreachable            []string
	CountError             string
	FetchTook, CountTook   time.Duration
	CallAnswers, CallLacks int
	CallTook               time.Duration
}

// ask asks all nodes for the clients in the room, each time until a deadline.
func (g *crowd) ask(wait time.Duration) (a askedState) {
	to := g.Server.To(crowdRoom)
	timed := func(took *time.Duration, f func(ctx context.Context)) {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		started := time.Now()
		f(ctx)
		*took = time.Since(started)
	}
	var all sync.WaitGroup
	all.Go(func() {
		timed(&a.FetchTook, func(ctx context.Context) {
			f, err := to.Fetch(ctx)
			a.Clients = len(f.Clients)
			for _, n := range f.Unreachable {
				a.Unreachable = append(a.Unreachable, n.ID)
			}
			if err != nil {
				a.Unreachable = append(a.Unreachable, err.Error())
			}
		})
	})
	all.Go(func() {
		timed(&a.CountTook, func(ctx context.Context) {
			var err error
			if a.Counted, err = to.Count(ctx); err != nil {
				a.CountError = err.Error()
			}
		})
	})
	all.Go(func() {
		timed(&a.CallTook, func(ctx context.Context) {
			votes, _ := g.Server.To("none").Call(ctx, "vote", 1)
			a.CallAnswers, a.CallLacks = len(votes.Answered), len(votes.Unreachable)
		})
	})
	all.Wait()
	return a
}

// obey follows the commands of the test, a line each, and ends the process with the test.
func (g *crowd) obey() {
	defer os.Exit(0)
	var stop, stopped chan struct{}
	for all := bufio.NewScanner(os.Stdin); all.Scan(); {
		command, wait, _ := strings.Cut(all.Text(), " ")
		switch command {
		case "ask":
			d, _ := time.ParseDuration(wait)
			b, _ := json.Marshal(g.ask(d))
			_, _ = fmt.Fprintf(os.Stdout, "asked %s\n", b)
		case "emit":
			stop, stopped = make(chan struct{}), make(chan struct{})
			go func() { defer close(stopped); g.emit(stop) }()
		case "quiet":
			close(stop)
			<-stopped
			_, _ = fmt.Fprintln(os.Stdout, "emitted", g.emitted, g.failed)
		case "state":
			b, _ := json.Marshal(g.state())
			_, _ = fmt.Fprintf(os.Stdout, "state %s\n", b)
		}
	}
}

// runNode is the main function of a node.
func runNode(settings string) {
	var s nodeSettings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return
	}
	if s.Rolling != nil {
		runRolling(s)
		return
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var engine backplane.Backplane
	at := func() string { return "-" }
	if s.Redis != "" {
		engine = redis.Native(redis.Address(s.Redis))
	} else {
		e := embedded.New(embedded.Listen("127.0.0.1:0"), embedded.Secret("secret"), embedded.Peers(s.Peers...), embedded.Logger(log))
		engine, at = e, func() string { return e.Addr().String() }
	}
	g := &crowd{name: s.Name}
	app.Main(module.New("crowd", module.Exports(
		websockets.Gateway(func() *crowd { return g }, websockets.Via(socketio.New()), websockets.Via(ws.New(), websockets.Path("/ws"))),
	)), app.HTTP("127.0.0.1:0"), app.Logger(log), app.Backplane(engine, backplane.Beats(s.Beat, s.Dead)), app.OnReady(func(a *app.App) {
		g.app = a
		go g.obey()
		_, _ = fmt.Fprintln(os.Stdout, "ready", a.Addr(), at())
	}))
}
