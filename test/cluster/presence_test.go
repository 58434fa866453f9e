package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/presence"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var here = presence.New[int]("here", presence.Linger(300*time.Millisecond))

// club has rooms with members.
type club struct {
	Server *websockets.Server `websockets:"server"`

	app *apptest.App // for tests of one node

	// seen is what the changes of each room amount to, as a page of a client would have it.
	seen testkit.Cond
	keys map[string]map[string]string
}

func newClub() *club { return &club{keys: map[string]map[string]string{}} }

func (g *club) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("enter", g.enter), websockets.Listen("leave", g.leave), here.On(g.changed)}
}

type entry struct {
	Room, Key string
	Value     int
}

func (g *club) enter(ctx context.Context, e entry) (bool, error) {
	c := websockets.ClientFrom(ctx)
	if err := c.Join(e.Room); err != nil {
		return false, err
	}
	return true, here.Track(ctx, c, e.Room, e.Key, e.Value)
}

func (*club) leave(ctx context.Context, room string) error {
	websockets.ClientFrom(ctx).Leave(room)
	return nil
}

func (g *club) changed(_ context.Context, c presence.Change[int]) error {
	g.seen.Update(func() {
		room := g.keys[c.Room]
		if room == nil {
			room = map[string]string{}
			g.keys[c.Room] = room
		}
		for _, e := range c.Left {
			delete(room, e.Key)
		}
		for _, e := range slices.Concat(c.Joined, c.Updated) {
			room[e.Key] = metas(e)
		}
	})
	return nil
}

// metas returns the values of an entry, sorted.
func metas(e presence.Entry[int]) string {
	var all []int
	for _, m := range e.Metas {
		all = append(all, m.Value)
	}
	slices.Sort(all)
	return fmt.Sprint(all)
}

var clubRooms = []string{"tea", "milk", "water"}

// has returns the users in the rooms as the node of g knows it: by List, and by its changes.
func (g *club) has() (listed, changed string) {
	var list, seen []string
	for _, r := range clubRooms {
		for _, e := range here.List(g.Server, r) {
			list = append(list, r+" "+e.Key+metas(e))
		}
	}
	g.seen.Lock()
	defer g.seen.Unlock()
	for r, keys := range g.keys {
		for key, m := range keys {
			seen = append(seen, r+" "+key+m)
		}
	}
	slices.Sort(list)
	slices.Sort(seen)
	return strings.Join(list, ", "), strings.Join(seen, ", ")
}

func clubModule() *module.Module {
	return module.New("club", module.Exports(websockets.Gateway(newClub, websockets.Via(socketio.New()), websockets.Via(ws.New(), websockets.Path("/ws")))))
}

// visit is a client with what it has entered: the value in each room under each key.
type visit struct {
	*apptest.Client

	entered map[[2]string]int
}

// visits are the clients of each node.
type visits map[int][]*visit

// truth is the users that have to be in the rooms, as nodes of a group know it.
func (v visits) truth(nodes ...int) string {
	values := map[[2]string][]int{}
	for _, n := range nodes {
		for _, c := range v[n] {
			for at, value := range c.entered {
				values[at] = append(values[at], value)
			}
		}
	}
	var all []string
	for at, list := range values {
		slices.Sort(list)
		all = append(all, at[0]+" "+at[1]+fmt.Sprint(list))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// converge waits until some nodes know the same, by List and then by changes, and returns how long the lists took.
func (v visits) converge(t *testing.T, c *apptest.Cluster, nodes ...int) time.Duration {
	t.Helper()
	want, start := v.truth(nodes...), time.Now()
	var took time.Duration
	for _, n := range nodes {
		g := apptest.Get[*club](c.Node(n))
		if !testkit.Within(testkit.Patience, func() bool { listed, _ := g.has(); return listed == want }) {
			listed, _ := g.has()
			t.Fatalf("node %d:\nlists %s\n want %s", n, listed, want)
		}
	}
	took = time.Since(start)
	for _, n := range nodes {
		g := apptest.Get[*club](c.Node(n))
		if !testkit.Within(testkit.Patience, func() bool { _, changed := g.has(); return changed == want }) {
			_, changed := g.has()
			t.Fatalf("node %d: by its changes\n has %s\nwant %s", n, changed, want)
		}
	}
	return took
}

// soonEnough is what a second of a machine that does nothing else may be on this one.
const soonEnough = 10 * time.Second

// Presence crosses nodes by every service: changes, the state for a node that starts later, and the end of a node.
func TestPresenceOnEachService(t *testing.T) {
	onEachService(t, presenceCrosses)
}

func presenceCrosses(t *testing.T, s service) {
	launch := func() *club {
		a := apptest.New(t, clubModule(), apptest.With(app.Backplane(s(), backplane.Beats(200*time.Millisecond, time.Minute))))
		g := apptest.Get[*club](a)
		g.app = a
		return g
	}
	knows := func(what, want string, all ...*club) {
		t.Helper()
		for i, g := range all {
			testkit.Eventually(t, fmt.Sprintf("%s: node %d knows %q", what, i, want), func() bool {
				listed, changed := g.has()
				return listed == want && changed == want
			})
		}
	}
	a, b := launch(), launch()
	ada := a.app.DialSocketIO("/")
	ada.Call("enter", entry{"tea", "ada", 1})
	bob := b.app.DialWS("/ws")
	bob.Call("enter", entry{"tea", "bob", 2})
	bob.Call("enter", entry{"milk", "ada", 3})
	knows("tracked", "milk ada[3], tea ada[1], tea bob[2]", a, b)
	c := launch()
	knows("a node that starts later", "milk ada[3], tea ada[1], tea bob[2]", a, b, c)
	bob.Call("leave", "milk")
	knows("left", "tea ada[1], tea bob[2]", a, b, c)
	if err := b.app.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	knows("a node has stopped", "tea ada[1]", a, c)
}

// Presence is the same on all nodes after joins, leaves, kill -9, restarts, partitions, and messages that are lost, late and
// out of order; by lists and by changes.
func TestPresence(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { presenceModel(t, seed) })
	}
}

func presenceModel(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 8))
	log := &testkit.Log{}
	c := apptest.NewCluster(t, 3, clubModule(), apptest.OnBus(memory.NewBus(memory.Seed(seed))),
		apptest.Backplane(backplane.Beats(50*time.Millisecond, 500*time.Millisecond)), apptest.With(app.Logger(log.Logger(slog.LevelError))))
	v, value := visits{}, 0
	act := func() {
		n := rnd.IntN(3)
		if len(v[n]) < 4 {
			x := &visit{entered: map[[2]string]int{}}
			if rnd.IntN(2) == 0 {
				x.Client = c.Node(n).DialSocketIO("/")
			} else {
				x.Client = c.Node(n).DialWS("/ws")
			}
			v[n] = append(v[n], x)
		}
		i := rnd.IntN(len(v[n]))
		x := v[n][i]
		room := clubRooms[rnd.IntN(3)]
		switch rnd.IntN(10) {
		case 0: // disconnects; the node notices a moment later
			x.Abort()
			v[n] = slices.Delete(v[n], i, i+1)
		case 1, 2:
			x.Call("leave", room)
			maps.DeleteFunc(x.entered, func(at [2]string, _ int) bool { return at[0] == room })
		default:
			value++
			key := fmt.Sprint("key", rnd.IntN(4))
			x.Call("enter", entry{room, key, value})
			x.entered[[2]string{room, key}] = value
		}
	}
	faults := func() {
		c.Bus().SetFaults(memory.Faults{
			Drop: 0.1 * rnd.Float64(), Repeat: 0.1 * rnd.Float64(), Delay: time.Duration(rnd.IntN(5)) * time.Millisecond,
			Jitter: time.Duration(rnd.IntN(20)) * time.Millisecond, Reorder: rnd.IntN(10),
		})
	}
	for round := range 3 {
		faults()
		for range 40 {
			act()
		}
		var healed time.Time
		what := []string{"kill", "split", "cut"}[(round+int(seed))%3]
		switch what {
		case "kill":
			n := rnd.IntN(3)
			c.Kill(n)
			v[n] = nil
			c.Bus().SetFaults(memory.Faults{})
			alive := slices.DeleteFunc([]int{0, 1, 2}, func(i int) bool { return i == n })
			c.Await() // it counts as dead
			if took := v.converge(t, c, alive...); took > soonEnough {
				t.Errorf("%v after a death", took)
			}
			healed = time.Now()
			c.Restart(n)
		case "split":
			lone := rnd.IntN(3)
			c.Partition([]int{lone})
			c.Await()
			for range 20 {
				act()
			}
			c.Bus().SetFaults(memory.Faults{})
			v.converge(t, c, lone)
			v.converge(t, c, slices.DeleteFunc([]int{0, 1, 2}, func(i int) bool { return i == lone })...)
			healed = time.Now()
			c.Heal()
		case "cut":
			c.Engine(rnd.IntN(3)).Cut()
			for range 20 {
				act()
			}
			c.Bus().SetFaults(memory.Faults{})
			healed = time.Now()
			for i := range 3 {
				c.Engine(i).Restore()
			}
		}
		c.Await()
		v.converge(t, c, 0, 1, 2)
		took := time.Since(healed)
		t.Logf("seed %d, round %d, %s: the same after %v, changes included", seed, round, what, took.Round(time.Millisecond))
		if took > soonEnough {
			t.Errorf("%s: %v until all nodes know the same", what, took)
		}
	}
	for n := range 3 {
		for _, x := range v[n] {
			x.Abort()
		}
		v[n] = nil
	}
	v.converge(t, c, 0, 1, 2)
	if lines := log.Lines("presence"); len(lines) > 0 {
		t.Errorf("errors: %q", lines)
	}
}
