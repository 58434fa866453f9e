//go:build unix

package cluster_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Redis ends, is frozen or ends connections while a node emits. Its own clients have every event once and in order. Those of another
// node have them too where Redis has kept what it had; otherwise what they lack is counted, and nothing comes twice.
func TestLogOutages(t *testing.T) {
	restart := func(s *redistest.Server) {
		s.Kill()
		pause(300 * time.Millisecond)
		s.Restart()
	}
	for name, c := range map[string]struct {
		args  []string
		fails func(s *redistest.Server)
		most  int // how many may be missing
	}{
		"frozen": {nil, func(s *redistest.Server) { s.Freeze(); pause(3 * time.Second); s.Thaw() }, 0},
		"connections end": {nil, func(s *redistest.Server) {
			for range 10 {
				s.Do("CLIENT", "KILL", "TYPE", "normal")
				pause(200 * time.Millisecond)
			}
		}, 0},
		"killed, with persistence": {[]string{"--appendonly", "yes", "--appendfsync", "always"}, restart, backplane.MaxBatch},
		"killed":                   {nil, restart, 2 * backplane.MaxBatch},
		"killed while frozen":      {nil, func(s *redistest.Server) { s.Freeze(); pause(500 * time.Millisecond); restart(s) }, 2 * backplane.MaxBatch},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.StartWith(t, "", append([]string{"--save", ""}, c.args...)...)
			engine := func() backplane.Backplane { return redis.Streams(redis.Address(server.Address)) }
			a, b := startOn(t, engine), startOn(t, engine)
			meet(t, a, b)
			var clients []*client
			for _, n := range []*node{a, b} {
				clients = append(clients, n.connect("counts", func() *apptest.Client { return n.DialSocketIO("/") }, "count"))
			}
			sent, failed := 0, make(chan struct{})
			go func() {
				defer close(failed)
				pause(200 * time.Millisecond)
				c.fails(server)
				pause(200 * time.Millisecond)
			}()
			for failing := true; failing; sent++ {
				if err := a.server.To("count").Emit(t.Context(), "n", sent); err != nil {
					t.Fatal(err)
				}
				select {
				case <-failed:
					failing = false
				case <-time.After(2 * time.Millisecond):
				}
			}
			testkit.Eventually(t, "the nodes are connected", func() bool { return a.App.App().Stats().Backplane.Up && b.App.App().Stats().Backplane.Up })
			if err := a.server.Emit(t.Context(), "done", nil); err != nil {
				t.Fatal(err)
			}
			for i, v := range clients {
				received, last := 0, -1
				for m := v.Next(); m.Event != "done"; m = v.Next() {
					n, err := strconv.Atoi(string(m.Data))
					if err != nil || n <= last {
						t.Fatalf("node %d: %s follows %d", i, m.Data, last)
					}
					received, last = received+1, n
				}
				missing, s := sent-received, v.node.stats()
				t.Logf("node %d: %d of %d events, %d gaps, %d dropped", i, received, sent, s.gaps, v.node.App.App().Stats().Backplane.Dropped)
				if i == 0 && missing > 0 || missing > c.most || missing > int(s.gaps) || c.most == 0 && s.gaps > 0 || s.duplicates > 0 {
					t.Errorf("node %d: %d of %d events are missing, %d gaps, %d duplicates", i, missing, sent, s.gaps, s.duplicates)
				}
			}
		})
	}
}
