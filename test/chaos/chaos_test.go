package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
)

// ways are how clients reach the server.
var ways = []string{"ws", "socketio", "polling", "upgrade"}

func transports(way string) []string {
	return map[string][]string{
		"socketio": {"websocket"},
		"polling":  {"polling"},
		"upgrade":  {"polling", "websocket"},
	}[way]
}

// weather is something that happens to a network.
type weather struct {
	name string
	// sets in adds toxics; the round decides on their figures.
	setsIn func(r *road, dice *rand.Rand)
	// breaks tells that connections end by it.
	breaks bool
	// until the server has noticed that the client is gone.
	untilGone bool
}

var weathers = []weather{
	{name: "latency", setsIn: func(r *road, dice *rand.Rand) {
		r.poison("latency", fmt.Sprintf(`{"latency":%d,"jitter":10}`, 10+dice.IntN(20)), 1, anyOf(dice)...)
	}},
	{name: "bandwidth", setsIn: func(r *road, dice *rand.Rand) {
		r.poison("bandwidth", fmt.Sprintf(`{"rate":%d}`, 50+dice.IntN(100)), 1, anyOf(dice)...)
	}},
	{name: "slow_close", setsIn: func(r *road, _ *rand.Rand) {
		r.poison("slow_close", `{"delay":300}`, 1, up, down)
	}},
	{name: "slicer", setsIn: func(r *road, dice *rand.Rand) {
		r.poison("slicer", fmt.Sprintf(`{"average_size":%d,"size_variation":20,"delay":100}`, 64+dice.IntN(200)), 1, anyOf(dice)...)
	}},
	{name: "timeout", untilGone: true, setsIn: func(r *road, _ *rand.Rand) {
		r.poison("timeout", `{"timeout":0}`, 1, up, down)
	}},
	{name: "timeout, one direction", breaks: true, setsIn: func(r *road, dice *rand.Rand) {
		r.poison("timeout", fmt.Sprintf(`{"timeout":%d}`, 100+dice.IntN(300)), 1, []string{up, down}[dice.IntN(2)])
	}},
	{name: "reset_peer", breaks: true, setsIn: func(r *road, dice *rand.Rand) {
		r.poison("reset_peer", fmt.Sprintf(`{"timeout":%d}`, dice.IntN(50)), 1, anyOf(dice)...)
	}},
	{name: "limit_data", breaks: true, setsIn: func(r *road, dice *rand.Rand) {
		r.poison("limit_data", fmt.Sprintf(`{"bytes":%d}`, 300+dice.IntN(20_000)), 1, anyOf(dice)...)
	}},
	{name: "limit_data with resets", breaks: true, setsIn: func(r *road, dice *rand.Rand) {
		// Without toxicity it only makes toxiproxy end its connections by RST.
		r.poison("reset_peer", `{"timeout":0}`, 0, up, down)
		r.poison("limit_data", fmt.Sprintf(`{"bytes":%d}`, 300+dice.IntN(20_000)), 1, anyOf(dice)...)
	}},
}

// anyOf gives one direction, or both.
func anyOf(dice *rand.Rand) []string {
	return [][]string{{up}, {down}, {up, down}}[dice.IntN(3)]
}

// rounds is how long each weather takes: least rounds, or as many as there are
// in its part of CHAOS=10m.
func rounds(t *testing.T, least, parts int) func(done int) bool {
	t.Helper()
	said := os.Getenv("CHAOS")
	if said == "" {
		return func(done int) bool { return done < least }
	}
	d, err := time.ParseDuration(said)
	if err != nil || d <= 0 {
		t.Fatalf("CHAOS=%s: must be a duration, such as 10m", said)
	}
	end := time.Now().Add(d / time.Duration(parts))
	return func(done int) bool { return done < least || time.Now().Before(end) }
}

// TestChaos: Whatever the network does, every message that was acknowledged was
// handled once and in order, clients that lost their connection go on as soon as
// it is better, and the server keeps nothing of those that are gone.
func TestChaos(t *testing.T) {
	for _, w := range weathers {
		t.Run(w.name, func(t *testing.T) {
			least := 2
			if w.untilGone { // seconds each
				least = 1
			}
			more := rounds(t, least, len(weathers)+1)
			chaos(t, func(_ *rand.Rand, round int) (weather, bool) { return w, more(round) })
		})
	}
	t.Run("all of it", func(t *testing.T) {
		more := rounds(t, 2, len(weathers)+1)
		chaos(t, func(dice *rand.Rand, round int) (weather, bool) {
			return weathers[dice.IntN(len(weathers))], more(round)
		})
	})
}

// TestChaos_F29_ByteAtATime: What comes one byte at a time, in both directions,
// is understood as if it came at once.
func TestChaos_F29_ByteAtATime(t *testing.T) {
	bytewise := weather{name: "one byte at a time", setsIn: func(r *road, _ *rand.Rand) {
		r.poison("slicer", `{"average_size":1,"size_variation":0,"delay":0}`, 1, up, down)
	}}
	chaos(t, func(_ *rand.Rand, round int) (weather, bool) { return bytewise, round < 1 })
}

// chaos lets a client of each way chat through weather.
func chaos(t *testing.T, next func(dice *rand.Rand, round int) (weather, bool)) {
	t.Helper()
	node := startNode(t)
	server, a := serve(t)
	begin := goroutines()
	acked := map[string][]int{}
	t.Run("ways", func(t *testing.T) {
		for _, way := range ways {
			r, l := newRoad(t, strings.TrimPrefix(a.URL(), "http://")), newLedger()
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				travel(t, server, node, way, r, l, next)
			})
			t.Cleanup(func() { acked[way] = l.acked })
		}
	})
	// Everybody has left; the proxies of the ways are closed.
	if !within(func() bool { return server.Server.Local().Len() == 0 && goroutines() <= begin }) {
		t.Errorf("%d clients and %d goroutines are left; there were %d", server.Server.Local().Len(), goroutines(), begin)
		t.Logf("%s", strings.Join(stacks(), "\n\n"))
	}
	server.check(t, acked)
	alive(t, a)
}

// travel is the life of one client.
func travel(t *testing.T, server *chat, node *node, way string, r *road, l *ledger, next func(*rand.Rand, int) (weather, bool)) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("dice: %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	var c client
	var err error
	if way == "ws" {
		c = newWS(way, "ws://"+r.listen+plainPath, l)
	} else if c, err = node.chat(way, "http://"+r.listen, transports(way), l); err != nil {
		t.Fatal(err)
	}
	defer func() {
		r.cure()
		if err := c.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if !within(func() bool { return server.here(way) == 0 }) {
			t.Errorf("the server still has %d connections of the client that left", server.here(way))
		}
		for _, p := range l.problems {
			t.Error(p)
		}
	}()
	if !l.goesOn(t, "in good weather", 5) {
		return
	}
	for round := 0; ; round++ {
		w, ok := next(dice, round)
		if !ok {
			break
		}
		if !storm(t, server, c, way, r, l, w, dice) {
			return
		}
	}
	if way == "upgrade" {
		l.await(t, "upgrade", func() bool { return l.upgrades > 0 })
	}
}

// storm is one round: weather, and good weather after it.
func storm(t *testing.T, server *chat, c client, way string, r *road, l *ledger, w weather, dice *rand.Rand) bool {
	t.Helper()
	w.setsIn(r, dice)
	switch {
	case w.untilGone:
		if !within(func() bool { return server.here(way) == 0 }) {
			t.Errorf("%s: the server has not noticed that the client is gone", w.name)
			return false
		}
	case w.breaks:
		<-time.After(time.Duration(100+dice.IntN(500)) * time.Millisecond)
	default:
		if !l.goesOn(t, "during "+w.name, 5) {
			return false
		}
		if err := c.hop(); err != nil {
			t.Errorf("%s: hop: %v", w.name, err)
			return false
		}
		if !l.goesOn(t, "after coming back, during "+w.name, 10) {
			return false
		}
	}
	r.cure()
	return l.goesOn(t, "after "+w.name, 10)
}

// alive lets a second client of each platform have an answer.
func alive(t *testing.T, a *apptest.App) {
	t.Helper()
	for _, c := range []*apptest.Client{a.DialWS(plainPath + "?who=late"), a.DialSocketIO("/")} {
		if got := apptest.Call[note](c, "put", note{Who: c.ID(), N: 1}); got.N != 1 {
			t.Errorf("a client that comes later gets %+v", got)
		}
		c.Close()
	}
}

// within waits for a state.
func within(done func() bool) bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-late.C:
			return done()
		}
	}
	return true
}

// goroutines is how many there are, toxiproxy's not counted: it leaves some
// behind on links that it broke.
func goroutines() int { return len(stacks()) }

func stacks() []string {
	b := make([]byte, 4<<20)
	b = b[:runtime.Stack(b, true)]
	var ours []string
	for s := range strings.SplitSeq(string(b), "\n\n") {
		if !strings.Contains(s, "Shopify/toxiproxy") {
			ours = append(ours, s)
		}
	}
	return ours
}
