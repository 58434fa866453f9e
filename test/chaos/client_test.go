package chaos_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

const (
	window   = 4                     // unacknowledged notes of a client
	pause    = 5 * time.Millisecond  // between two notes
	patience = 30 * time.Second      // for what takes a few hundred milliseconds
	again    = 50 * time.Millisecond // before the next attempt to connect
)

// client sends numbered notes until it is stopped, and reconnects by itself.
type client interface {
	// hop disconnects and reconnects.
	hop() error
	// stop waits for pending acks, and disconnects.
	stop() error
}

// ledger records what one client reports.
type ledger struct {
	mu          sync.Mutex
	changed     chan struct{} // closed and renewed
	acked       []int
	connections int
	upgrades    int
	problems    []string
}

func newLedger() *ledger { return &ledger{changed: make(chan struct{})} }

func (l *ledger) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *ledger) problemf(format string, args ...any) {
	l.note(func() { l.problems = append(l.problems, fmt.Sprintf(format, args...)) })
}

// await waits for a condition.
func (l *ledger) await(t *testing.T, what string, done func() bool) bool {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		l.mu.Lock()
		ok, changed := done(), l.changed
		l.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-late.C:
			l.mu.Lock()
			defer l.mu.Unlock()
			t.Errorf("no %s within %v; %d acks, %d connections, problems: %q", what, patience, len(l.acked), l.connections, l.problems)
			return false
		}
	}
}

// waitForAcks waits for more acks.
func (l *ledger) waitForAcks(t *testing.T, when string, more int) bool {
	t.Helper()
	l.mu.Lock()
	want := len(l.acked) + more
	l.mu.Unlock()
	return l.await(t, fmt.Sprintf("%d more acks %s", more, when), func() bool { return len(l.acked) >= want })
}

// node is a Node program with npm's clients in it.
type node struct {
	process *nodetest.Process

	mu      sync.Mutex
	ledgers map[string]*ledger
}

func startNode(t *testing.T) *node {
	t.Helper()
	n := &node{ledgers: map[string]*ledger{}}
	n.process = nodetest.StartProcess(t, "../chaos/chatter.mjs", func(b []byte) {
		var line struct {
			Client    string `json:"client"`
			Ack       int    `json:"ack"`
			Connected string `json:"connected"`
			Upgraded  string `json:"upgraded"`
			Problem   string `json:"problem"`
		}
		if err := json.Unmarshal(b, &line); err != nil {
			t.Errorf("line %.200q: %v", b, err)
			return
		}
		n.mu.Lock()
		l := n.ledgers[line.Client]
		n.mu.Unlock()
		switch {
		case l == nil:
			t.Errorf("a line of no client: %.200q", b)
		case line.Ack > 0:
			l.note(func() { l.acked = append(l.acked, line.Ack) })
		case line.Connected != "":
			l.note(func() {
				l.connections++
				if line.Connected == "websocket" { // also if it connected before the namespace
					l.upgrades++
				}
			})
		case line.Upgraded != "":
			l.note(func() { l.upgrades++ })
		default:
			l.problemf("%s", line.Problem)
		}
	})
	return n
}

type nodeClient struct {
	n    *node
	name string
}

// chat starts a socket.io-client.
func (n *node) chat(name, url string, transports []string, l *ledger) (client, error) {
	n.mu.Lock()
	n.ledgers[name] = l
	n.mu.Unlock()
	_, err := n.process.Do("chat", nodetest.Fields{
		"client": name, "url": url, "window": window, "opts": nodetest.Opts{"transports": transports},
	})
	return &nodeClient{n, name}, err
}

func (c *nodeClient) hop() error { return c.do("hop") }

func (c *nodeClient) stop() error { return c.do("stop") }

func (c *nodeClient) do(what string) error {
	_, err := c.n.process.Do(what, nodetest.Fields{"client": c.name})
	return err
}
