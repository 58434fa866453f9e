package cluster_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// pollingClient is a client of Socket.IO over polling, or another transport, that may be recovered.
type pollingClient struct {
	rawpeer.Wire

	poller          *rawpeer.Poller
	id, pid, offset string
}

// poll connects a client over polling to node 0, and has it receive an event.
func (l *logged) poll() *pollingClient {
	l.t.Helper()
	p := rawpeer.NewEngine(l.t, l.Node(0).URL()).Poll()
	c := &pollingClient{Wire: p, poller: p}
	c.connect(l.t, "")
	emitNumbers(l.t, l.server(0).ToID(c.id), 1, 2)
	var args []json.RawMessage
	if text, is := strings.CutPrefix(p.Read(), "42"); !is || json.Unmarshal([]byte(text), &args) != nil || len(args) != 3 || json.Unmarshal(args[2], &c.offset) != nil {
		l.t.Fatalf("the event is %s", text)
	}
	l.recorded(1)
	return c
}

// connect enters the namespace.
func (c *pollingClient) connect(t *testing.T, auth string) {
	t.Helper()
	c.Send("40" + auth)
	var answer struct{ SID, PID string }
	if text := c.Read(); json.Unmarshal([]byte(strings.TrimPrefix(text, "40")), &answer) != nil || answer.PID == "" {
		t.Fatalf("CONNECT is answered %s", text)
	}
	c.id, c.pid = answer.SID, answer.PID
}

// again connects as the same client to node 1, and returns its rooms.
func (l *logged) again(c *pollingClient) (rooms []string) {
	l.t.Helper()
	back := &pollingClient{Wire: rawpeer.NewEngine(l.t, l.Node(1).URL()).WebSocket()}
	back.connect(l.t, fmt.Sprintf(`{"pid":%q,"offset":%q}`, c.pid, c.offset))
	if back.id != c.id {
		l.t.Fatalf("%s after %s: it is a new client", back.id, c.id)
	}
	back.Send(`427["rooms"]`)
	var all [][]string
	if text := back.Read(); json.Unmarshal([]byte(strings.TrimPrefix(text, "437")), &all) != nil || len(all) != 1 {
		l.t.Fatalf("the rooms are %s", text)
	}
	return all[0]
}

// The answer of a join over polling waits for the record, also when the client changes to WebSocket meanwhile: when the node is killed right
// after it, the client is in the room.
func TestLogPolling(t *testing.T) {
	const delay = 150 * time.Millisecond // of a call, and of its answer
	for name, upgrade := range map[string]func(c *pollingClient) rawpeer.Wire{
		"polling": func(c *pollingClient) rawpeer.Wire { return c.poller },
		"upgrade": func(c *pollingClient) rawpeer.Wire { return c.poller.Upgrade() },
	} {
		t.Run(name, func(t *testing.T) {
			l := startLogged(t, 2, nil)
			c := l.poll()
			l.Engine(0).SetLogFaults(memory.LogFaults{Delay: delay})
			started := time.Now()
			c.Send(`421["join",["b"]]`)
			w := upgrade(c)
			if got := w.Read(); !strings.HasPrefix(got, "431") {
				t.Fatalf("the join is answered %s", got)
			}
			if took := time.Since(started); took < 2*delay {
				t.Errorf("the answer came after %v", took)
			}
			l.Kill(0)
			if rooms := l.again(c); !slices.Equal(rooms, []string{"b"}) {
				t.Errorf("rooms %q", rooms)
			}
		})
	}
}

// A change that is not stored is not seen over polling: the poll ends with the session, also after an upgrade.
func TestLogPollingNotStored(t *testing.T) {
	for name, read := range map[string]func(c *pollingClient) string{
		"polling": func(c *pollingClient) string { return c.poller.Get().Body },
		"upgrade": func(c *pollingClient) string {
			text, err := c.poller.Upgrade().TryText()
			if err != nil {
				return "1" // the connection has ended
			}
			return text
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := startLogged(t, 2, nil)
			c := l.poll()
			l.Engine(0).SetLogFaults(memory.LogFaults{LoseRequest: 1, Delay: 100 * time.Millisecond})
			c.Send(`421["join",["b"]]`)
			if got := read(c); got != "1" {
				t.Errorf("got %s", got)
			}
			if rooms := l.again(c); len(rooms) > 0 {
				t.Errorf("rooms %q", rooms)
			}
		})
	}
}

// A node is killed while the answer of a join over polling is held, or just before or after: a client that has it is in the room.
func TestLogPollingKill(t *testing.T) {
	var acknowledged atomic.Int32
	t.Run("all", func(t *testing.T) {
		for i := range 6 {
			t.Run(fmt.Sprint("after ", i*40, " ms"), func(t *testing.T) {
				t.Parallel()
				l := startLogged(t, 2, nil)
				c := l.poll()
				l.Engine(0).SetLogFaults(memory.LogFaults{Delay: 25 * time.Millisecond})
				c.Send(`421["join",["b"]]`)
				answer := make(chan string, 1)
				go func() {
					a, err := c.poller.TryDo(c.poller.GetBytes())
					if err != nil {
						a.Body = err.Error()
					}
					answer <- a.Body
				}()
				pause(time.Duration(i) * 40 * time.Millisecond)
				l.Kill(0)
				got := testkit.Receive(t, "the end of the poll", answer)
				rooms := l.again(c)
				if strings.HasPrefix(got, "431") {
					if acknowledged.Add(1); !slices.Equal(rooms, []string{"b"}) {
						t.Errorf("the join is acknowledged, and the client is in %q", rooms)
					}
				}
			})
		}
	})
	if n := acknowledged.Load(); n == 0 || n == 6 {
		t.Errorf("%d of 6 joins are acknowledged", n)
	}
}
