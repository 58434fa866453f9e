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
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// ways are the platforms and transports of clients.
var ways = []string{"ws", "socketio", "polling", "upgrade"}

func transports(way string) []string {
	return map[string][]string{
		"socketio": {"websocket"},
		"polling":  {"polling"},
		"upgrade":  {"polling", "websocket"},
	}[way]
}

// weather is a condition of a network.
type weather struct {
	name string
	// apply adds toxics with the parameters of the round.
	apply func(r *road, dice *rand.Rand)
	// breaks reports whether connections end by it.
	breaks bool
	// wait until the server has noticed the disconnect.
	untilGone bool
}

var weathers = []weather{
	{name: "latency", apply: func(r *road, dice *rand.Rand) {
		r.poison("latency", fmt.Sprintf(`{"latency":%d,"jitter":10}`, 10+dice.IntN(20)), 1, anyOf(dice)...)
	}},
	{name: "bandwidth", apply: func(r *road, dice *rand.Rand) {
		r.poison("bandwidth", fmt.Sprintf(`{"rate":%d}`, 50+dice.IntN(100)), 1, anyOf(dice)...)
	}},
	{name: "slow_close", apply: func(r *road, _ *rand.Rand) {
		r.poison("slow_close", `{"delay":300}`, 1, up, down)
	}},
	{name: "slicer", apply: func(r *road, dice *rand.Rand) {
		r.poison("slicer", fmt.Sprintf(`{"average_size":%d,"size_variation":20,"delay":100}`, 64+dice.IntN(200)), 1, anyOf(dice)...)
	}},
	{name: "timeout", untilGone: true, apply: func(r *road, _ *rand.Rand) {
		r.poison("timeout", `{"timeout":0}`, 1, up, down)
	}},
	{name: "timeout, one direction", breaks: true, apply: func(r *road, dice *rand.Rand) {
		r.poison("timeout", fmt.Sprintf(`{"timeout":%d}`, 100+dice.IntN(300)), 1, []string{up, down}[dice.IntN(2)])
	}},
	{name: "reset_peer", breaks: true, apply: func(r *road, dice *rand.Rand) {
		r.poison("reset_peer", fmt.Sprintf(`{"timeout":%d}`, dice.IntN(50)), 1, anyOf(dice)...)
	}},
	{name: "limit_data", breaks: true, apply: func(r *road, dice *rand.Rand) {
		r.poison("limit_data", fmt.Sprintf(`{"bytes":%d}`, 300+dice.IntN(20_000)), 1, anyOf(dice)...)
	}},
	{name: "limit_data with resets", breaks: true, apply: func(r *road, dice *rand.Rand) {
		// Without toxicity it only makes toxiproxy end its connections by RST.
		r.poison("reset_peer", `{"timeout":0}`, 0, up, down)
		r.poison("limit_data", fmt.Sprintf(`{"bytes":%d}`, 300+dice.IntN(20_000)), 1, anyOf(dice)...)
	}},
}

// anyOf returns one direction, or both.
func anyOf(dice *rand.Rand) []string {
	return [][]string{{up}, {down}, {up, down}}[dice.IntN(3)]
}

// rounds limits each weather: to a minimum number of rounds, or to its part of CHAOS=10m.
func rounds(t *testing.T, least, parts int) func(done int) bool {
	t.Helper()
	value := os.Getenv("CHAOS")
	if value == "" {
		return func(done int) bool { return done < least }
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		t.Fatalf("CHAOS=%s: must be a duration, such as 10m", value)
	}
	end := time.Now().Add(d / time.Duration(parts))
	return func(done int) bool { return done < least || time.Now().Before(end) }
}

// TestChaos: Under any network condition, every acknowledged message was handled once and in order, clients that lost
// their connection continue as soon as the network works again, and the server keeps nothing of disconnected clients.
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

// TestChaos_F29_ByteAtATime: Data that arrives one byte at a time, in both directions, is handled as if it arrived at
// once.
func TestChaos_F29_ByteAtATime(t *testing.T) {
	bytewise := weather{name: "one byte at a time", apply: func(r *road, _ *rand.Rand) {
		r.poison("slicer", `{"average_size":1,"size_variation":0,"delay":0}`, 1, up, down)
	}}
	chaos(t, func(_ *rand.Rand, round int) (weather, bool) { return bytewise, round < 1 })
}

// chaos runs a client of each way through weather.
func chaos(t *testing.T, next func(dice *rand.Rand, round int) (weather, bool)) {
	t.Helper()
	node := startNode(t)
	server, a := serve(t)
	before := goroutines()
	acked := map[string][]int{}
	t.Run("ways", func(t *testing.T) {
		for _, way := range ways {
			r, l := newRoad(t, strings.TrimPrefix(a.URL(), "http://")), &ledger{}
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				travel(t, server, node, way, r, l, next)
			})
			t.Cleanup(func() { acked[way] = l.acked })
		}
	})
	// All clients have disconnected; the proxies of the ways are closed.
	if !testkit.WithinEvery(10*time.Millisecond, testkit.Patience, func() bool { return server.Server.Local().Len() == 0 && goroutines() <= before }) {
		t.Errorf("%d clients and %d goroutines are left, want 0 and %d", server.Server.Local().Len(), goroutines(), before)
		t.Logf("%s", strings.Join(stacks(), "\n\n"))
	}
	server.check(t, acked)
	alive(t, a)
}

// travel runs one client.
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
		if !testkit.WithinEvery(10*time.Millisecond, testkit.Patience, func() bool { return server.connections(way) == 0 }) {
			t.Errorf("the server still has %d connections of the client that left", server.connections(way))
		}
		for _, p := range l.problems {
			t.Error(p)
		}
	}()
	if !l.waitForAcks(t, "without toxics", 5) {
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

// storm is one round: weather, then a working network.
func storm(t *testing.T, server *chat, c client, way string, r *road, l *ledger, w weather, dice *rand.Rand) bool {
	t.Helper()
	w.apply(r, dice)
	switch {
	case w.untilGone:
		if !testkit.WithinEvery(10*time.Millisecond, testkit.Patience, func() bool { return server.connections(way) == 0 }) {
			t.Errorf("%s: the server has not noticed the disconnect", w.name)
			return false
		}
	case w.breaks:
		<-time.After(time.Duration(100+dice.IntN(500)) * time.Millisecond)
	default:
		if !l.waitForAcks(t, "during "+w.name, 5) {
			return false
		}
		if err := c.hop(); err != nil {
			t.Errorf("%s: hop: %v", w.name, err)
			return false
		}
		if !l.waitForAcks(t, "after reconnecting, during "+w.name, 10) {
			return false
		}
	}
	r.cure()
	return l.waitForAcks(t, "after "+w.name, 10)
}

// alive checks that a new client of each platform gets an answer.
func alive(t *testing.T, a *apptest.App) {
	t.Helper()
	for _, c := range []*apptest.Client{a.DialWS(plainPath + "?client=late"), a.DialSocketIO("/")} {
		if got := apptest.Call[note](c, "put", note{Client: c.ID(), N: 1}); got.N != 1 {
			t.Errorf("a later client gets %+v", got)
		}
		c.Close()
	}
}

// goroutines returns the number of goroutines except toxiproxy's, which leaks some on broken links.
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
