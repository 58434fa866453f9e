package cluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// stamp is an event of the load: the n-th of a source.
type stamp struct {
	Source int
	N      int
}

// traveller is a client of Socket.IO that moves between nodes, and what it has received.
type traveller struct {
	conn        *websocket.Conn
	pid, offset string
	id          string
	at          int // its node
	last        map[int]int
	trace       []string
}

// connect connects to a node, as the client that it was before; another id is an error.
func (v *traveller) connect(n *node) error {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	var err error
	v.conn, _, err = websocket.Dial(ctx, n.URL()+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return err
	}
	v.conn.SetReadLimit(1 << 20)
	if _, err = v.next(ctx, "0"); err != nil {
		return err
	}
	auth, _ := json.Marshal(map[string]string{"pid": v.pid, "offset": v.offset})
	if err = v.conn.Write(ctx, websocket.MessageText, append([]byte("40"), auth...)); err != nil {
		return err
	}
	text, err := v.next(ctx, "40")
	if err != nil {
		return err
	}
	var answer struct{ SID, PID string }
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if v.id != "" && v.id != answer.SID {
		return fmt.Errorf("client %s is %s at another node", v.id, answer.SID)
	}
	v.trace = append(v.trace, fmt.Sprintf("CONNECT %d %s %s", v.at, v.offset, answer.PID[:8]))
	v.id, v.pid = answer.SID, answer.PID
	return nil
}

// next returns the next packet, which must have a prefix. It answers pings.
func (v *traveller) next(ctx context.Context, prefix string) ([]byte, error) {
	for {
		_, text, err := v.conn.Read(ctx)
		switch rest, is := bytes.CutPrefix(text, []byte(prefix)); {
		case err != nil:
			return nil, fmt.Errorf("client %s: %w", v.id, err)
		case string(text) == "2":
			_ = v.conn.Write(ctx, websocket.MessageText, []byte("3"))
		case is:
			return rest, nil
		default:
			return nil, fmt.Errorf("client %s: %s, want %s…", v.id, text, prefix)
		}
	}
}

// read reads one event, and reports whether it is not the next one of its source. Those count from 1.
func (v *traveller) read() error {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	text, err := v.next(ctx, "42")
	if err != nil {
		return err
	}
	var args [3]json.RawMessage // name, stamp, offset
	var s stamp
	if err := errors.Join(json.Unmarshal(text, &args), json.Unmarshal(args[1], &s), json.Unmarshal(args[2], &v.offset)); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	v.trace = append(v.trace, fmt.Sprintf("%d:%d@%s", s.Source, s.N, v.offset))
	if want := v.last[s.Source] + 1; s.N != want {
		fmt.Println(v.trace)
		return fmt.Errorf("client %s: source %d: event %d after %d", v.id, s.Source, s.N, want-1)
	}
	v.last[s.Source] = s.N
	return nil
}

// TestHandoverUnderLoad has clients that move between nodes at any moments while all nodes emit to a room. Each is recovered each
// time, and receives each event once; those of a node in order. The bus delays events, and moves overtake them.
func TestHandoverUnderLoad(t *testing.T) {
	clients, rounds := 40, 3
	if long := os.Getenv("HANDOVER_CLIENTS"); long != "" {
		clients, _ = strconv.Atoi(long)
	}
	for _, seed := range []uint64{1, 2} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			bus := memory.NewBus(memory.Seed(seed))
			var all []*node
			for range 3 {
				all = append(all, startMoving(t, onBus(bus)))
			}
			meet(t, all...)
			var people []*traveller
			for i := range clients {
				v := &traveller{at: i % len(all), last: map[int]int{}}
				if err := v.connect(all[v.at]); err != nil {
					t.Fatal(err)
				}
				if err := all[v.at].server.ToID(v.id).Join(t.Context(), "tea"); err != nil {
					t.Fatal(err)
				}
				people = append(people, v)
			}
			// Each client needs an event of which it knows the position.
			var sent [3]atomic.Int64
			emit := func(ctx context.Context, source int) error {
				n := int(sent[source].Load()) + 1
				err := all[source].server.To("tea").Emit(ctx, "n", stamp{source, n})
				sent[source].Store(int64(n))
				return err
			}
			for source := range all {
				if err := emit(t.Context(), source); err != nil {
					t.Fatal(err)
				}
			}
			for _, v := range people {
				for range all {
					if err := v.read(); err != nil {
						t.Fatal(err)
					}
				}
			}
			bus.SetFaults(memory.Faults{Delay: time.Millisecond, Jitter: 4 * time.Millisecond})
			ctx, cancel := context.WithCancel(t.Context())
			var load, moves sync.WaitGroup
			for source, n := range all {
				load.Go(func() {
					for ctx.Err() == nil {
						select {
						case <-n.left: // nothing else reads it
						case <-ctx.Done():
						}
					}
				})
				load.Go(func() {
					tick := time.NewTicker(5 * time.Millisecond)
					defer tick.Stop()
					for ctx.Err() == nil {
						if err := emit(t.Context(), source); err != nil {
							t.Error(err)
							return
						}
						select {
						case <-tick.C:
						case <-ctx.Done():
						}
					}
				})
			}
			failed := make(chan error, clients)
			for i, v := range people {
				rnd := rand.New(rand.NewPCG(seed, uint64(i)))
				moves.Go(func() {
					if err := v.travel(all, rnd, rounds); err != nil {
						failed <- err
					}
				})
			}
			moves.Wait()
			cancel()
			load.Wait()
			close(failed)
			for err := range failed {
				t.Error(err)
			}
			if t.Failed() {
				return
			}
			for _, v := range people {
				for source := range all {
					for v.last[source] < int(sent[source].Load()) {
						if err := v.read(); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			arrived := uint64(0)
			for _, n := range all {
				arrived += n.App.App().Stats().Endpoints[0].Arrived
			}
			if want := uint64(clients * rounds); arrived != want {
				t.Errorf("%d clients have arrived, want %d", arrived, want)
			}
			for _, n := range all {
				testkit.Eventually(t, "nothing is left behind", func() bool { return n.App.App().Stats().Endpoints[0].Suspended == 0 })
			}
			for _, v := range people {
				_ = v.conn.CloseNow()
			}
		})
	}
}

// travel moves the client to another node, some times.
func (v *traveller) travel(all []*node, rnd *rand.Rand, rounds int) error {
	for range rounds {
		for range rnd.IntN(30) {
			if err := v.read(); err != nil {
				return err
			}
		}
		_ = v.conn.CloseNow() // its node may notice it after the next one
		v.at = (v.at + 1 + rnd.IntN(len(all)-1)) % len(all)
		if err := v.connect(all[v.at]); err != nil {
			return err
		}
	}
	return nil
}
