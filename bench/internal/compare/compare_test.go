package compare

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/hist"
	"github.com/gatehouse-go/gatehouse/bench/internal/load"
	"github.com/gatehouse-go/gatehouse/bench/internal/peers"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A short round of everything against real servers of this repository.
func TestRound(t *testing.T) {
	c := Quick()
	c.Peers, c.Works, c.Root = []string{"gatehouse-ws", "gatehouse-socketio"}, nil, "../.."
	c.Conns, c.Clients, c.Idle, c.Rate = 10, 20, 60, 500
	c.Timing = load.Timing{
		Warmup: 50 * time.Millisecond, Duration: 200 * time.Millisecond,
		Settle: 50 * time.Millisecond, Drain: 10 * time.Second,
	}
	c.Progress = t.Logf
	o, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Left) > 0 || len(o.Peers) != len(c.Peers) {
		t.Fatalf("left out: %v", o.Left)
	}
	if failed := o.Failed(); len(failed) > 0 {
		t.Errorf("failed:\n%s", strings.Join(failed, "\n"))
	}
	for _, p := range o.Peers {
		for _, w := range o.Works {
			counts(t, p.Name, w, o.cell(p.Name, w.Name))
		}
	}
	var table strings.Builder
	if err := o.Write(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"- Commit ", "Go 1.", "\n| gatehouse-ws | ", "\n| gatehouse-socketio | ", "(1.00)"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
}

func counts(t *testing.T, peer string, w load.Work, cell *Cell) {
	t.Helper()
	if len(cell.Rounds) != 1 {
		t.Errorf("%s, %s: %d rounds", peer, w.Name, len(cell.Rounds))
		return
	}
	r := cell.Rounds[0]
	if r.Count == 0 || r.Checked < r.Count || r.Latency.Count() != r.Count {
		t.Errorf("%s, %s: counted %d, checked %d, latencies of %d", peer, w.Name, r.Count, r.Checked, r.Latency.Count())
	}
	if r.LeftOpen > 0 {
		t.Errorf("%s, %s: %d connections left open after the close handshake", peer, w.Name, r.LeftOpen)
	}
	if w.Kind == load.Idle {
		m := r.Memory
		if r.Count != uint64(w.Conns) || m.Before == 0 || m.Idle == 0 || m.AfterEcho == 0 || m.GoroutinesAtIdle == 0 {
			t.Errorf("%s: %d echoes of idle connections, %+v", peer, r.Count, m)
		}
		return
	}
	if r.ServerCPU <= 0 || r.Elapsed <= 0 {
		t.Errorf("%s, %s: %v of CPU in %v", peer, w.Name, r.ServerCPU, r.Elapsed)
	}
}

// A short crowd, over several heartbeats of neither: what is held is that the broadcasts arrive and memory is read.
func TestCrowd(t *testing.T) {
	c := Quick()
	c.Peers, c.Works, c.Root = []string{"gatehouse-ws", "gatehouse-socketio", "gatehouse-mixed"}, []string{"crowd"}, "../.."
	c.Crowd = 300
	c.Timing = load.Timing{Settle: 50 * time.Millisecond, Hold: 400 * time.Millisecond, Drain: 10 * time.Second}
	c.Progress = t.Logf
	o, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if failed := o.Failed(); len(failed) > 0 {
		t.Errorf("failed:\n%s", strings.Join(failed, "\n"))
	}
	for _, p := range o.Peers {
		for _, r := range o.cell(p.Name, "crowd").Rounds {
			if m := r.Memory; r.Count != 4*300 || m.Idle <= m.Before || m.Before == 0 || m.GoroutinesAtIdle == 0 {
				t.Errorf("%s: %d deliveries, %+v", p.Name, r.Count, m)
			}
		}
	}
	var table strings.Builder
	if err := o.Write(&table); err != nil {
		t.Fatal(err)
	}
	if want := "300 connections at rest for 400ms, a broadcast to all each 100ms"; !strings.Contains(table.String(), want) {
		t.Errorf("the table has no %q:\n%s", want, table.String())
	}
}

// More connections than a process may have files are refused before anything is measured.
func TestCrowdIsTooLarge(t *testing.T) {
	c := Quick()
	c.Peers, c.Works, c.Root, c.Progress = []string{"gatehouse-ws"}, []string{"crowd"}, "../..", t.Logf
	c.Crowd = 1 << 40
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "choose -crowd") {
		t.Errorf("error %v", err)
	}
}

func TestUnknownNames(t *testing.T) {
	c := Quick()
	c.Progress = t.Logf
	c.Works = []string{"juggle"}
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), `"juggle"; there are 64B×1`) {
		t.Errorf("error %v", err)
	}
	c.Works, c.Peers = []string{"64Bx1"}, []string{"unknown"}
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), `"unknown"; there are gatehouse-socketio`) {
		t.Errorf("error %v", err)
	}
	c.Peers, c.Against = nil, []string{"noone"}
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), `"noone"`) {
		t.Errorf("error %v", err)
	}
}

func round(cpu time.Duration, count int) *load.Result {
	r := &load.Result{Count: uint64(count), ServerCPU: cpu, Elapsed: time.Second, Latency: new(hist.Histogram)}
	r.Latency.Add(2 * time.Millisecond)
	return r
}

func TestTable(t *testing.T) {
	c := Defaults()
	c.Against = []string{"gws"}
	works := []load.Work{{Name: "64B×1", Kind: load.Echo}, {Name: "broadcast", Kind: load.Broadcast}, {Name: "idle", Kind: load.Idle, Conns: 10}}
	busyClient := round(40*time.Millisecond, 1000)
	busyClient.ClientCPU = busyClient.Elapsed
	idle := round(0, 10)
	idle.Memory = load.Memory{Before: 1 << 20, Idle: 1<<20 + 100<<10, AfterEcho: 1<<20 + 200<<10, GoroutinesBefore: 5, GoroutinesAtIdle: 15}
	var built []peers.Built
	for _, name := range []string{"gatehouse-ws", "gws", "tcp", "node-ws"} {
		one, err := peers.Choose([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		built = append(built, peers.Built{Peer: one[0], Version: "9.8.7"})
	}
	o := &Outcome{
		Config: c, Machine: Machine{Commit: "abc"}, Works: works, Peers: built,
		Left: []peers.Left{{Name: "nest-ws", Why: errors.New("no Node")}},
		Cells: map[string]map[string]*Cell{
			"gatehouse-ws": {
				"64B×1": {Rounds: []*load.Result{round(30*time.Millisecond, 1000), round(10*time.Millisecond, 1000), round(20*time.Millisecond, 1000)}},
				"idle":  {Rounds: []*load.Result{idle}},
			},
			"gws":     {"64B×1": {Rounds: []*load.Result{busyClient}}, "idle": {Rounds: []*load.Result{idle}}},
			"node-ws": {"64B×1": {Rounds: []*load.Result{round(40*time.Millisecond, 1000)}, Faults: []string{"3 answers\nlost"}}},
		},
	}
	var table strings.Builder
	if err := o.Write(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"- Commit abc,",
		"| gatehouse-ws | 20.0 (0.50) | – |\n",
		"| gws | 40.0 (1.00) | – |\n",
		"| tcp | – | – |\n",
		"| node-ws | failed | – |\n",
		"| gatehouse-ws | 2.00 / 2.00 | – / – |\n",
		"| gatehouse-ws | 10.0 (1.00) | 20.0 (1.00) | 1.00 |\n",
		"at most by 100 % (gatehouse-ws, 64B×1)",
		"The client was the limit in: gws 64B×1.\n",
		"- gws: lxzan/gws 9.8.7 by hand\n",
		"- nest-ws: left out: no Node\n",
		"- node-ws, 64B×1: 3 answers lost\n",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, table.String())
		}
	}
}
