package cluster_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// npm's socket.io-client knows that it is recovered, since it keeps its private id: after moves, after a move back, after stops of
// its nodes, and when the node that has made the private id is gone.
func TestPrivateIDStays(t *testing.T) {
	js := nodetest.Start(t)
	for _, way := range []string{ // to a node, -: it stops, +: it starts
		"b", "b c", "b a b", "b c a c", "-a b", "-a b c b", "b -b c a", "b -a c b", "-a -b c", "b -b -a c", "b -a -b +d d c",
	} {
		t.Run(way, func(t *testing.T) {
			w := newWanderer(t, js)
			for step := range strings.FieldsSeq(way) {
				switch name := strings.TrimLeft(step, "-+"); step[0] {
				case '-':
					w.stop(name)
				case '+':
					w.nodes[name] = startMoving(t, func() backplane.Backplane { return w.bus.Node() })
					w.meet()
				default:
					w.move(name)
				}
			}
		})
	}
}

// wanderer is npm's socket.io-client on its way through nodes.
type wanderer struct {
	*nodetest.Client

	t      *testing.T
	id     string
	bus    *memory.Bus
	nodes  map[string]*node // that live
	at     string           // where it is connected; "" for nowhere
	events int              // that were sent
	missed map[int]bool     // those that it has not received
}

func newWanderer(t *testing.T, js *nodetest.Node) *wanderer {
	t.Helper()
	w := &wanderer{t: t, bus: memory.NewBus(), nodes: map[string]*node{}, at: "a", missed: map[int]bool{}}
	for i, n := range movingNodes(t, w.bus, 3) {
		w.nodes[string(rune('a'+i))] = n
	}
	w.Client = js.SocketIO(w.nodes["a"].URL(), nodetest.Opts{"transports": []string{"websocket"}})
	w.id = w.ID()
	w.emit()
	w.receive()
	return w
}

func (w *wanderer) meet() {
	w.t.Helper()
	var all []*node
	for _, n := range w.nodes {
		all = append(all, n)
	}
	meet(w.t, all...)
}

// emit sends an event from each node.
func (w *wanderer) emit() {
	w.t.Helper()
	for _, n := range w.nodes {
		emitNumbers(w.t, n.server, w.events, w.events+1)
		w.missed[w.events] = true
		w.events++
	}
}

func (w *wanderer) receive() {
	w.t.Helper()
	for len(w.missed) > 0 {
		n := nodetest.Expect[int](w.Client, "n")
		if !w.missed[n] {
			w.t.Fatalf("event %d comes again", n)
		}
		delete(w.missed, n)
	}
}

func (w *wanderer) stop(name string) {
	w.t.Helper()
	if err := w.nodes[name].App.App().Stop(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	delete(w.nodes, name)
	if w.at == name {
		w.ExpectEnd()
		w.at = ""
	}
	w.meet()
	w.emit()
	if w.at != "" {
		w.receive()
	}
}

func (w *wanderer) move(name string) {
	w.t.Helper()
	if w.at != "" {
		w.Cut()
		w.ExpectEnd()
		testkit.Eventually(w.t, "it is suspended", func() bool { return suspendedAt(w.nodes[w.at]) == 1 })
	}
	w.emit()
	key := w.PrivateID()
	w.Move(w.nodes[name].URL())
	w.Reconnect()
	w.at = name
	if !w.Recovered() || w.ID() != w.id || w.PrivateID() != key {
		w.t.Fatalf("at %s it is recovered %t, as %s after %s, with the private id %s after %s", name, w.Recovered(), w.ID(), w.id, w.PrivateID(), key)
	}
	w.receive()
	w.emit()
	w.receive()
}
