//go:build unix

package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

// logNodes starts nodes with a log, and waits until they know each other.
func logNodes(t *testing.T, server *redistest.Server, n int) *logTown {
	w := &logTown{t: t, redis: server, rooms: 6, sent: map[int]int{}, ctx: t.Context(), cuts: 1}
	for range n {
		w.nodes = append(w.nodes, w.launch())
	}
	w.know()
	return w
}

// know waits until the nodes know each other.
func (w *logTown) know() {
	w.t.Helper()
	for _, n := range w.nodes {
		testkit.Eventually(w.t, "the nodes know each other", func() bool {
			n.Send("nodes")
			return strings.HasPrefix(n.WantLine("nodes "), fmt.Sprint("nodes ", len(w.nodes)))
		})
	}
}

// arrive connects a new client, which has one event.
func (w *logTown) arrive(n *logProcess, number int) (*traveller, error) {
	v := &traveller{last: map[int]int{}}
	if runtime.GOOS == "linux" {
		v.dial = dialFrom(number)
	}
	if err := v.connectWith("http://"+n.addr, map[string]any{}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	n.Send(fmt.Sprintf("client %s 1 1", v.id))
	w.mu.Unlock()
	return v, v.read()
}

// again connects as the same client.
func (v *traveller) again(n *logProcess) error {
	return v.connectWith("http://"+n.addr, map[string]any{"pid": v.pid, "offset": v.offset})
}

// TestLogClaims has a client connect to two nodes at once: it is the same client at one of them at most. With LOG_CLAIMS that is how often, 20 by default.
func TestLogClaims(t *testing.T) {
	rounds := 20
	setByVariable(t, "LOG_CLAIMS", &rounds)
	w := logNodes(t, redistest.Start(t), 2)
	both, once, none := 0, 0, 0
	for round := range rounds {
		v, err := w.arrive(w.nodes[round%2], round%200)
		if err != nil {
			t.Fatal(err)
		}
		_ = v.conn.CloseNow()
		var all sync.WaitGroup
		var claims [2]*traveller
		var errs [2]error
		for i, n := range w.nodes {
			claims[i] = &traveller{pid: v.pid, offset: v.offset, id: v.id, dial: v.dial}
			all.Go(func() { errs[i] = claims[i].again(n) })
		}
		all.Wait()
		same, ended := 0, make(chan struct{}, 2)
		for i, c := range claims {
			switch err := errs[i]; {
			case err == nil:
				same++
				go func() {
					for err := error(nil); err == nil; _, err = c.next(context.Background(), "4") {
						continue
					}
					ended <- struct{}{}
				}()
			case !errors.Is(err, errNew) && !errors.Is(err, errCut) && websocket.CloseStatus(err) == -1:
				t.Logf("round %d: %v", round, err)
			}
		}
		switch same {
		case 2:
			both++
			testkit.Receive(t, "the end of one of two connections of a client", ended)
		case 1:
			once++
		default:
			none++
		}
		for _, c := range claims {
			if c.conn != nil {
				_ = c.conn.CloseNow()
			}
		}
	}
	t.Logf("%d rounds: both nodes had the client in %d, and one of them closed it; one in %d, none in %d", rounds, both, once, none)
	if both+once == 0 {
		t.Error("no client was recovered")
	}
}

// TestLogCrowd kills a node, and has all its clients connect to another one at once. With LOG_CROWD that is how many, 100 by default.
func TestLogCrowd(t *testing.T) {
	n, strict := 100, os.Getenv("LOG_CROWD") != ""
	setByVariable(t, "LOG_CROWD", &n)
	subprocess.RaiseFiles(t, 4*n+1000)
	w := logNodes(t, redistest.Start(t), 2)
	crowd := make([]*traveller, n)
	var all sync.WaitGroup
	slots := make(chan struct{}, 32)
	for i := range crowd {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var err error
			if crowd[i], err = w.arrive(w.nodes[0], i); err != nil {
				t.Error(err)
			}
		})
	}
	if all.Wait(); t.Failed() {
		return
	}
	w.nodes[0].Signal(syscall.SIGKILL)
	before, started, recovered := redisCPU(w.redis), time.Now(), atomic.Int64{}
	for _, v := range crowd {
		all.Go(func() {
			_ = v.conn.CloseNow()
			if err := v.again(w.nodes[1]); err == nil {
				recovered.Add(1)
			} else {
				t.Log(err)
			}
		})
	}
	all.Wait()
	took, cpu := time.Since(started), redisCPU(w.redis)-before
	each := cpu / time.Duration(n)
	t.Logf("%d of %d clients were recovered in %v; CPU of Redis %v, %v each", recovered.Load(), n, took.Round(time.Millisecond), cpu, each)
	if recovered.Load() != int64(n) {
		t.Errorf("%d of %d clients were recovered", recovered.Load(), n)
	}
	if strict && (took > 2*time.Second || each > time.Millisecond) {
		t.Errorf("it took %v, and %v of Redis each: want 2 s and 1 ms", took, each)
	}
	for _, v := range crowd {
		_ = v.conn.CloseNow()
	}
}

// redisCPU returns the processor time of a Redis.
func redisCPU(s *redistest.Server) (d time.Duration) {
	for line := range strings.Lines(s.Do("INFO", "cpu")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "used_cpu_sys" || name == "used_cpu_user" {
			f, _ := strconv.ParseFloat(value, 64)
			d += time.Duration(f * float64(time.Second))
		}
	}
	return d
}

// TestLogLosses has Redis lose what it had: a client that may have missed something is a new one.
func TestLogLosses(t *testing.T) {
	for name, lose := range map[string]func(*redistest.Server){
		"all":  func(s *redistest.Server) { s.Do("FLUSHALL") },
		"tail": func(s *redistest.Server) { s.Kill(); s.Restart() },
		"head": func(s *redistest.Server) { s.Do("XTRIM", logKey, "MAXLEN", "0") },
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.StartWith(t, "", "--save", "", "--appendonly", "no", "--dbfilename", "dump.rdb")
			w := logNodes(t, server, 2)
			v, err := w.arrive(w.nodes[0], 1)
			if err != nil {
				t.Fatal(err)
			}
			server.Do("SAVE")
			w.nodes[1].Send(fmt.Sprintf("client %s 1 2", v.id))
			if err := v.read(); err != nil {
				t.Fatal(err)
			}
			_ = v.conn.CloseNow()
			w.nodes[1].Send(fmt.Sprintf("client %s 1 3", v.id))
			want := fmt.Sprintf(`"N":%d}`, 3)
			testkit.Eventually(t, "the event is in the log", func() bool { return strings.Contains(server.Do("XRANGE", logKey, "-", "+"), want) })
			lose(server)
			fresh := w.launch()
			w.nodes = append(w.nodes, fresh)
			w.know()
			if err := v.again(fresh); !errors.Is(err, errNew) {
				t.Errorf("the client has missed an event that is lost, and is not a new one: %v", err)
			}
			_ = v.conn.CloseNow()
			next, err := w.arrive(w.nodes[0], 2) // and the nodes go on
			if err != nil {
				t.Fatal(err)
			}
			_ = next.conn.CloseNow()
			if err := next.again(w.nodes[1]); err != nil {
				t.Error(err)
			}
			_ = next.conn.CloseNow()
		})
	}
}
