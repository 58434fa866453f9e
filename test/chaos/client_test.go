package chaos_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

const (
	window = 4                     // unacknowledged notes of a client
	pause  = 5 * time.Millisecond  // between two notes
	again  = 50 * time.Millisecond // before the next attempt to connect
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
	mu          testkit.Cond
	acked       []int
	connections int
	upgrades    int
	problems    []string
}

func (l *ledger) problemf(format string, args ...any) {
	l.mu.Update(func() { l.problems = append(l.problems, fmt.Sprintf(format, args...)) })
}

// await waits for a condition.
func (l *ledger) await(t *testing.T, what string, done func() bool) bool {
	t.Helper()
	if l.mu.Wait(testkit.Patience, done) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Errorf("no %s within %v; %d acks, %d connections, problems: %q", what, testkit.Patience, len(l.acked), l.connections, l.problems)
	return false
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
			l.mu.Update(func() { l.acked = append(l.acked, line.Ack) })
		case line.Connected != "":
			l.mu.Update(func() {
				l.connections++
				if line.Connected == "websocket" { // also if it connected before the namespace
					l.upgrades++
				}
			})
		case line.Upgraded != "":
			l.mu.Update(func() { l.upgrades++ })
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
