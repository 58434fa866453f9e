//go:build unix

package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

// TestRollingRestartOfProcesses is TestRollingRestart with nodes that are processes, connected by Redis: each is ended by SIGTERM,
// and another one is started in its place. ROLLING_CLIENTS and ROLLING_RATE are as there.
func TestRollingRestartOfProcesses(t *testing.T) {
	load := rollingLoadOf(t)
	subprocess.RaiseFiles(t, 2*load.clients+500)
	r := &rolling{rollingLoad: load, t: t}
	address := redistest.Start(t).Address
	r.launch = func(source int) *rollingNode { return r.startProcess(address, source) }
	r.play()
}

// rollingSettings are those of a node that is a process.
type rollingSettings struct {
	Source, Rooms, Used int // rooms in all, and those with clients
	Rate                int // events a second
}

// rollingState is what such a node reports.
type rollingState struct {
	Nodes, Clients int
	Lost           uint64
	Sent           []int // by room
}

func (r *rolling) startProcess(redis string, source int) *rollingNode {
	p := subprocess.Run(r.t, nodeProgram, nodeSettings{Redis: redis, Rolling: &rollingSettings{
		Source: source, Rooms: r.rooms(), Used: (r.clients + r.room - 1) / r.room, Rate: max(1, r.rate/3),
	}})
	var mu sync.Mutex
	ended := false
	ask := func(command string) (s rollingState) {
		mu.Lock()
		defer mu.Unlock()
		if ended {
			return s
		}
		if command != "" {
			p.Send(command)
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(p.WantLine("state "), "state ")), &s); err != nil {
			r.t.Error(err)
		}
		return s
	}
	sent := func(s rollingState) {
		r.mu.Lock()
		of := r.sources[source]
		r.mu.Unlock()
		of.mu.Lock()
		of.sent = s.Sent
		of.mu.Unlock()
	}
	var log processLog
	n := &rollingNode{source: source, url: "http://" + strings.TrimPrefix(p.WantLine("ready "), "ready "), log: &log}
	n.others = func() int { return ask("state").Nodes }
	n.present = func() int { return ask("state").Clients }
	n.lost = func() uint64 { return ask("state").Lost }
	n.quiet = func() { sent(ask("quiet")) }
	n.stop = func() error {
		p.Signal(syscall.SIGTERM)
		sent(ask("")) // its last one
		mu.Lock()
		defer mu.Unlock()
		ended = true
		end := p.Wait()
		if log.text = end.Stderr; end.Status != 0 {
			return fmt.Errorf("node %d has ended with status %d, %v", source, end.Status, end.Signal)
		}
		return nil
	}
	n.emit = func() { p.Send("emit") }
	return n
}

// processLog is the log of a process that has ended.
type processLog struct{ text string }

func (l *processLog) String() string { return l.text }

// courier is the gateway of a node that is a process: it emits to the rooms until the process is to stop, and for each client that
// it closes then.
type courier struct {
	rollingGateway

	settings rollingSettings
	app      *app.App
	stop     context.CancelFunc
	load     sync.WaitGroup

	mu   sync.Mutex
	sent []int
}

func (c *courier) emit(room int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[room]++
	if err := c.Server.To(roomName(room)).Emit(context.Background(), "n", stamp{c.settings.Source*len(c.sent) + room, c.sent[room]}); err != nil {
		slog.Error("Emit", "error", err)
	}
}

// start emits until ctx ends.
func (c *courier) start(ctx context.Context) {
	rnd := rand.New(rand.NewPCG(3, uint64(c.settings.Source)))
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for from, emitted := time.Now(), 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due := int(time.Since(from).Seconds() * float64(c.settings.Rate)); emitted < due; emitted++ {
			c.emit(rnd.IntN(c.settings.Used))
		}
	}
}

func (c *courier) quiet() {
	c.mu.Lock()
	c.stop()
	c.mu.Unlock()
	c.load.Wait()
}

// OnModuleDestroy ends the load: what is emitted after the node has left the others would be lost.
func (c *courier) OnModuleDestroy(context.Context) error {
	c.quiet()
	return nil
}

// OnApplicationShutdown reports what was sent.
func (c *courier) OnApplicationShutdown(context.Context) error {
	c.report()
	return nil
}

func (c *courier) report() {
	stats := c.app.Stats()
	s := rollingState{Nodes: len(c.Server.Nodes()), Lost: stats.Backplane.Gaps + stats.Backplane.Dropped}
	for _, e := range stats.Endpoints {
		s.Clients += e.Clients
	}
	c.mu.Lock()
	s.Sent = c.sent
	b, _ := json.Marshal(s)
	c.mu.Unlock()
	_, _ = fmt.Fprintf(os.Stdout, "state %s\n", b)
}

// obey follows the commands of the test.
func (c *courier) obey(ctx context.Context) {
	for all := bufio.NewScanner(os.Stdin); all.Scan(); {
		switch all.Text() {
		case "emit":
			c.mu.Lock()
			if ctx.Err() == nil {
				c.load.Go(func() { c.start(ctx) })
			}
			c.mu.Unlock()
		case "quiet":
			c.quiet()
			c.report()
		case "state":
			c.report()
		}
	}
	os.Exit(0) // with the test
}

// runRolling is the main function of a node of TestRollingRestartOfProcesses.
func runRolling(s nodeSettings) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, cancel := context.WithCancel(context.Background())
	c := &courier{settings: *s.Rolling, stop: cancel, sent: make([]int, s.Rolling.Rooms)}
	c.left = c.emit
	app.Main(rollingModule(func() *courier { return c }), app.HTTP("127.0.0.1:0"), app.Logger(log),
		app.Backplane(redis.Native(redis.Address(s.Redis), patientRedis), rollingBeats), app.OnReady(func(a *app.App) {
			c.app = a
			go c.obey(ctx)
			_, _ = fmt.Fprintln(os.Stdout, "ready", a.Addr())
		}))
}
