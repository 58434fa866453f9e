package cluster_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// onRedis starts applications on one server that know each other.
func onRedis(t *testing.T, server *redistest.Server, count int, opts ...redis.Option) []*node {
	t.Helper()
	all := make([]*node, count)
	for i := range all {
		all[i] = startOn(t, func() backplane.Backplane { return redis.Native(append(opts, redis.Address(server.Address))...) })
	}
	meet(t, all...)
	return all
}

// Redis ends, restarts empty, answers nothing, and cuts connections, while a node emits: no call
// of Emit waits, the clients of the node receive everything in order, and those of other nodes what is
// not counted as missing.
func TestRedisFails(t *testing.T) {
	server := redistest.Start(t)
	all := onRedis(t, server, 3)
	a := all[0]
	clients := make([]*client, len(all))
	for i, n := range all {
		clients[i] = n.connect("counts", func() *apptest.Client { return n.DialSocketIO("/") }, "count")
	}
	sent := 0
	var slow []time.Duration
	emit := func(count int) {
		t.Helper()
		for range count {
			started := time.Now()
			if err := a.server.To("count").Emit(t.Context(), "n", sent); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(started); took > time.Second {
				slow = append(slow, took)
			}
			sent++
		}
	}
	isUp := func(want bool) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprint("links up: ", want), func() bool {
			for _, n := range all {
				if n.App.App().Stats().Backplane.Up != want {
					return false
				}
			}
			return true
		})
	}
	count := func(want int, reached bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
		defer cancel()
		if n, err := a.server.To("count").Count(ctx); n != want || (err == nil) != reached {
			t.Errorf("%d clients, %v, want %d", n, err, want)
		}
	}
	emit(50)
	count(3, true)
	server.Kill()
	isUp(false)
	emit(50)
	count(1, false)
	server.Restart()
	isUp(true)
	meet(t, all...)
	emit(50)
	count(3, true)
	server.Freeze()
	emit(200)
	isUp(false)
	emit(50)
	server.Thaw()
	isUp(true)
	meet(t, all...)
	for range 5 {
		server.Do("CLIENT", "KILL", "TYPE", "pubsub")
		emit(20)
		server.Do("CLIENT", "KILL", "TYPE", "normal")
		emit(20)
	}
	// A node whose other connection was cut notices it when it sends its next beat, and subscribes again.
	for _, n := range all {
		for range 2 { // what was answered before the cut may be counted after it
			sent := n.App.App().Stats().Backplane.Sent
			testkit.Eventually(t, "the node sends again", func() bool { return n.App.App().Stats().Backplane.Sent > sent })
		}
	}
	testkit.Eventually(t, "all nodes have subscribed again", func() bool { return server.Do("PUBSUB", "NUMSUB", "gatehouse:e") == "gatehouse:e\n3" })
	isUp(true)
	if err := a.server.Emit(t.Context(), "done", nil); err != nil {
		t.Fatal(err)
	}
	for i, c := range clients {
		received, last := 0, -1
		for m := c.Next(); m.Event != "done"; m = c.Next() {
			n, err := strconv.Atoi(string(m.Data))
			if err != nil || n <= last {
				t.Fatalf("%s follows %d", m.Data, last)
			}
			received, last = received+1, n
		}
		missing := int(c.node.stats().gaps) // the last event shows those before it
		if received+missing != sent || i == 0 && missing > 0 || i > 0 && missing == 0 {
			t.Errorf("node %d: received %d and %d missing, of %d", i, received, missing, sent)
		}
		t.Logf("node %d: received %d and %d missing, of %d", i, received, missing, sent)
	}
	if len(slow) > 3 { // those that a busy machine has stopped
		t.Errorf("Emits took %v", slow)
	}
}

// When Redis restarts, what waits in the nodes reaches all that were there before: the first ones that are connected
// again wait for the others. One of five restarts in which the nodes are back within two seconds of each
// other suffices, for a loaded machine.
func TestRedisRestartsAndNothingIsLost(t *testing.T) {
	server := redistest.Start(t)
	all := onRedis(t, server, 3)
	var clients []*client
	for _, n := range all {
		clients = append(clients, n.connect("counts", func() *apptest.Client { return n.DialWS("/ws") }, "all"))
	}
	up := func(want bool) {
		t.Helper()
		testkit.Eventually(t, fmt.Sprint("links up: ", want), func() bool {
			for _, n := range all {
				if s := n.App.App().Stats().Backplane; s.Up != want || want && s.Queued > 0 {
					return false
				}
			}
			return true
		})
	}
	for round := range 5 {
		server.Kill()
		up(false)
		for i := range 100 {
			for _, n := range all {
				if err := n.server.To("all").Emit(t.Context(), "waits", i); err != nil {
					t.Fatal(err)
				}
			}
		}
		server.Restart()
		up(true)
		for _, n := range all {
			if err := n.server.To("all").Emit(t.Context(), "done", nil); err != nil {
				t.Fatal(err)
			}
		}
		lost := 0
		for _, c := range clients {
			before := 0
			for done := 0; done < len(all); {
				if m := c.Next(); m.Event == "done" {
					done++
				} else {
					before++
				}
			}
			lost += 100*len(all) - before
		}
		t.Logf("restart %d: %d of %d events were lost", round, lost, 100*len(all)*len(all))
		if lost == 0 {
			return
		}
	}
	t.Error("something is lost each time")
}

// Two applications on one Redis with other prefixes are none to each other; bytes that are no frame are
// counted, and end nothing.
func TestRedisPrefix(t *testing.T) {
	server := redistest.Start(t)
	one, two := onRedis(t, server, 2), onRedis(t, server, 2, redis.Prefix("two"))
	for _, n := range append(one, two...) {
		if got := len(n.server.Nodes()); got != 2 {
			t.Errorf("%d nodes", got)
		}
	}
	c, other := one[1].connect("one", func() *apptest.Client { return one[1].DialWS("/ws") }), two[1].connect("two", func() *apptest.Client { return two[1].DialWS("/ws") })
	for _, frame := range []string{"", "x", "GH", "GH\x10\x00aaaaaaaa\x01\xff\xff\xff\xff\x0f", "GH\x20\x00aaaaaaaa\x01\x01\x01\x01"} {
		for _, channel := range []string{"e", "c", "n:" + one[1].self} {
			server.Do("PUBLISH", "gatehouse:"+channel, frame)
		}
	}
	if err := one[0].server.Emit(t.Context(), "event", 1); err != nil {
		t.Fatal(err)
	}
	if err := two[0].server.Emit(t.Context(), "event", 2); err != nil {
		t.Fatal(err)
	}
	if m := c.ExpectMessage("event"); string(m.Data) != "1" {
		t.Errorf("got %s", m.Data)
	}
	if m := other.ExpectMessage("event"); string(m.Data) != "2" {
		t.Errorf("got %s", m.Data)
	}
	// Frames of other origins are handled beside the event.
	testkit.Within(testkit.Patience, func() bool { s := one[1].stats(); return s.invalid >= 12 && s.unknown >= 3 })
	if s := one[1].stats(); s.invalid != 12 || s.unknown != 3 || s.gaps > 0 {
		t.Errorf("%+v, want 12 invalid, 3 unknown", s)
	}
	if s := two[1].stats(); s.invalid+s.unknown > 0 {
		t.Errorf("the other application: %+v", s)
	}
}
