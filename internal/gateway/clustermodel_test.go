package gateway

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// newNodeRuntime opens an application with a backplane; nil for one without. before is called before it connects.
func newNodeRuntime(t *testing.T, b backplane.Backplane, before ...func(*Runtime)) (*testRuntime, *websockets.Server) {
	t.Helper()
	k, d := &testRuntime{t: t, log: &testkit.Log{}}, &testGateway{}
	cfg := Config{Adapter: testAdapter{adapter.Traits{DefaultPath: "/", Namespaces: true}}, HTTP: true}
	if b != nil {
		cfg.Backplane, cfg.BackplaneOptions = b, backplane.NewOptions()
	}
	plan := gatewayPlan{name: "gateway", short: "gateway", typ: reflect.TypeOf(d), value: d, opts: options(websockets.Namespace("/{any}"))}
	rt, err := bind([]gatewayPlan{plan}, cfg, pipe.Built{}, k.log.Logger(slog.LevelInfo))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range before {
		f(rt)
	}
	if err := rt.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.rt = rt
	rt.Open()
	t.Cleanup(k.stop)
	return k, d.Server
}

// model is applications on several nodes beside one on one node, whose clients do the same.
type model struct {
	t       *testing.T
	rand    *rand.Rand
	nodes   []*testRuntime
	servers []*websockets.Server
	one     *testRuntime // the reference
	ref     *websockets.Server
	clients []*modelClient // connected and suspended ones
	ids     int
}

// modelClient is a client of a node and of the reference.
type modelClient struct {
	id, namespace string
	of            [2]*testRuntime
	peers         [2]*peer
	suspended     [2]adapter.Suspension
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, rand: rand.New(rand.NewPCG(seed, 1))}
	bus := memory.NewBus()
	for range 3 {
		k, s := newNodeRuntime(t, bus.Node())
		m.nodes, m.servers = append(m.nodes, k), append(m.servers, s)
	}
	m.one, m.ref = newNodeRuntime(t, nil)
	synctest.Wait()
	for _, s := range m.servers {
		if len(s.Nodes()) != 3 {
			t.Fatalf("%d nodes", len(s.Nodes()))
		}
	}
	return m
}

// some returns up to n of the names.
func (m *model) some(n int, names []string) (chosen []string) {
	for range m.rand.IntN(n + 1) {
		chosen = append(chosen, names[m.rand.IntN(len(names))])
	}
	return chosen
}

var modelRooms = []string{"a", "b", "c", "d", "e"}

func (m *model) names() []string {
	all := []string{"unknown"}
	for _, c := range m.clients {
		all = append(all, c.id)
	}
	return all
}

// selection returns the same selection of a node and of the reference, and its description.
func (m *model) selection() (sel [2]websockets.Selection, text string) {
	from := m.rand.IntN(len(m.servers))
	sel = [2]websockets.Selection{m.servers[from].All(), m.ref.All()}
	text = fmt.Sprint("node ", from)
	apply := func(name string, names []string, f func(s websockets.Selection) websockets.Selection) {
		text += fmt.Sprint(" ", name, names)
		for i := range sel {
			sel[i] = f(sel[i])
		}
	}
	if m.rand.IntN(4) == 0 {
		ns := []string{"/x", "/y", "/none"}[m.rand.IntN(3)]
		text += " Of " + ns
		sel = [2]websockets.Selection{m.servers[from].Of(ns), m.ref.Of(ns)}
	}
	if m.rand.IntN(3) > 0 {
		names := m.some(3, modelRooms)
		apply("To", names, func(s websockets.Selection) websockets.Selection { return s.To(names...) })
	}
	if m.rand.IntN(4) == 0 {
		names := m.some(2, m.names())
		apply("ToID", names, func(s websockets.Selection) websockets.Selection { return s.ToID(names...) })
	}
	if m.rand.IntN(4) == 0 {
		names := m.some(2, m.names())
		apply("ExceptID", names, func(s websockets.Selection) websockets.Selection { return s.ExceptID(names...) })
	}
	if m.rand.IntN(4) == 0 {
		names := m.some(2, modelRooms)
		apply("ExceptRooms", names, func(s websockets.Selection) websockets.Selection { return s.ExceptRooms(names...) })
	}
	return sel, text
}

func (m *model) connect() string {
	m.ids++
	node := m.rand.IntN(len(m.nodes))
	c := &modelClient{id: fmt.Sprint("client-", m.ids), namespace: []string{"/x", "/y"}[m.rand.IntN(2)], of: [2]*testRuntime{m.nodes[node], m.one}}
	for i, k := range c.of {
		c.peers[i] = newPeer(c.id)
		c.peers[i].is(k.endpoint().Connect(c.peers[i], k.handshake(c.namespace)))
	}
	m.clients = append(m.clients, c)
	return fmt.Sprintf("%s connects to node %d in %s", c.id, node, c.namespace)
}

// step does something at a node and at the reference.
func (m *model) step(n int) (text string) {
	ctx := m.t.Context()
	both := func(f func(i int) error) {
		for i := range 2 {
			if err := f(i); err != nil {
				m.t.Fatalf("%s: %v", text, err)
			}
		}
	}
	x := m.rand.IntN(100)
	if len(m.clients) < 4 || x < 8 && len(m.clients) < 16 {
		return m.connect()
	}
	c := m.clients[m.rand.IntN(len(m.clients))]
	room := modelRooms[m.rand.IntN(len(modelRooms))]
	sel, of := m.selection()
	switch {
	case x < 20:
		text = c.id + " joins " + room
		both(func(i int) error { _ = c.peers[i].client().Join(room); return nil }) // not one that is suspended
	case x < 26:
		text = c.id + " leaves " + room
		both(func(i int) error { c.peers[i].client().Leave(room); return nil })
	case x < 30:
		text = c.id + " is gone"
		both(func(i int) error {
			if s := c.suspended[i]; s != nil {
				s.Drop()
			} else {
				c.peers[i].sess.Closed(websockets.Reason{Cause: websockets.CauseClientDisconnect})
			}
			return nil
		})
		m.clients = slices.DeleteFunc(m.clients, func(o *modelClient) bool { return o == c })
	case x < 40:
		text = c.id + " is cut off, or resumes"
		both(func(i int) error {
			if s := c.suspended[i]; s != nil {
				p := newPeer(c.id)
				p.sent = c.peers[i].got()
				if sess := s.Resume(p, c.of[i].handshake(c.namespace)); sess != nil {
					p.is(sess)
					c.peers[i], c.suspended[i] = p, nil
				}
			} else {
				c.suspended[i] = c.peers[i].sess.Suspend(websockets.Reason{Cause: websockets.CauseTransportClose})
			}
			return nil
		})
	case x < 46:
		text = of + " joins " + room
		both(func(i int) error { return sel[i].Join(ctx, room) })
	case x < 50:
		text = of + " leaves " + room
		both(func(i int) error { return sel[i].Leave(ctx, room) })
	case x < 52:
		text = of + " is disconnected"
		both(func(i int) error { return sel[i].Disconnect(ctx) })
	case x < 56:
		text = of + " volatile"
		both(func(i int) error { return sel[i].Emit(ctx, "volatile", n, websockets.Volatile()) })
	default:
		text = of + " emits"
		both(func(i int) error { return sel[i].Emit(ctx, "event", n) })
	}
	return text
}

// compare compares what clients have received and where they are.
func (m *model) compare(step int, text string) {
	synctest.Wait()
	m.clients = slices.DeleteFunc(m.clients, func(c *modelClient) bool {
		var got [2][]string
		var state [2]string
		for i, p := range c.peers {
			got[i] = p.got()
			p.mu.Lock()
			state[i] = fmt.Sprint(p.closed != nil, c.suspended[i] != nil, p.client().Rooms())
			p.mu.Unlock()
		}
		if !slices.Equal(got[0], got[1]) || state[0] != state[1] {
			m.t.Fatalf("step %d, %s: %s got %q and is %s, of one node %q and %s", step, text, c.id, got[0], state[0], got[1], state[1])
		}
		return strings.HasPrefix(state[0], "true") // it was disconnected
	})
	if step%25 > 0 {
		return
	}
	sel, of := m.selection()
	var ids [2][]string
	for i := range 2 {
		f, err := sel[i].Fetch(m.t.Context())
		n, err2 := sel[i].Count(m.t.Context())
		if err != nil || err2 != nil || len(f.Unreachable) > 0 || n != len(f.Clients) {
			m.t.Fatalf("step %d: Fetch and Count of %s: %d clients, %d, %v, %v, %v", step, of, len(f.Clients), n, f.Unreachable, err, err2)
		}
		for _, c := range f.Clients {
			ids[i] = append(ids[i], fmt.Sprint(c.ID, c.Namespace, c.Rooms))
		}
		slices.Sort(ids[i])
	}
	if !slices.Equal(ids[0], ids[1]) {
		m.t.Fatalf("step %d: Fetch of %s: %q, of one node %q", step, of, ids[0], ids[1])
	}
}

// Whatever clients and nodes do, clients of three nodes receive what those of one do, and are in the
// same rooms. CLUSTER_MODEL=n plays n seeds of 10,000 steps each.
func TestClusterModel(t *testing.T) {
	seeds, steps := 3, 1500
	if n, err := strconv.Atoi(os.Getenv("CLUSTER_MODEL")); err == nil {
		seeds, steps = n, 10_000
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newModel(t, uint64(seed))
				for i := range steps {
					m.compare(i, m.step(i))
				}
				for _, k := range m.nodes {
					if s := k.rt.cluster.Stats(); s.Gaps+s.Duplicates+s.Invalid+s.Unknown+s.Dropped > 0 || s.Received == 0 {
						t.Errorf("%+v", s)
					}
				}
			})
		})
	}
}
