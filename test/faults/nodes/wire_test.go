package nodes_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// stranger is the id of a node that only frames claim to be.
const stranger = "00000000000000aa"

// frame returns a frame of one message: its kind and fields.
func frame(version byte, origin string, seq uint64, message []byte) []byte {
	id, _ := hex.DecodeString(origin)
	b := append([]byte{'G', 'H', version, 0}, id...)
	b = binary.AppendUvarint(b, seq)
	b = binary.AppendUvarint(b, 1)
	b = binary.AppendUvarint(b, uint64(len(message)))
	return append(b, message...)
}

// field appends a field of a message.
func field(b []byte, tag byte, value string) []byte {
	b = binary.AppendUvarint(append(b, tag), uint64(len(value)))
	return append(b, value...)
}

// event returns the message of an event for all clients.
func event(n string) []byte {
	return field(field([]byte{byte(backplane.Event)}, 19, "said"), 21, n)
}

// channels returns those of the framework.
func channels(c *apptest.Cluster, node int) []string {
	return []string{backplane.ChannelEvents, backplane.ChannelPresence, backplane.ChannelNodes, backplane.ChannelNode(c.Node(node).App().Self().ID)}
}

// serves fails unless the clients of both nodes are served as before.
func serves(t *testing.T, c *apptest.Cluster, own, other []*apptest.Client, n int) {
	t.Helper()
	own[0].Call("say", n)
	for _, x := range append(own, other...) {
		said(t, x, n)
	}
	c.Await() // each knows the other still, and no stranger
}

// handled waits until all nodes have handled what was published before: each has a goroutine for some origins, which
// handles the events of these origins after it.
func handled(t *testing.T, c *apptest.Cluster, clients ...*apptest.Client) {
	t.Helper()
	const origins = 64 // more than a node has such goroutines
	for i := range origins {
		c.Bus().Publish(backplane.ChannelEvents, frame(0x10, fmt.Sprintf("%016x", 0xbb00+i), 0, field([]byte{byte(backplane.Event)}, 19, "handled")))
	}
	for _, x := range clients {
		for range origins {
			x.ExpectMessage("handled")
		}
	}
}

// TestFault_F81_MalformedMessages: Something sends bytes that are no frame, frames that end early, lengths of 2^64,
// unknown kinds, bodies that are no JSON, and 20,000 frames with changed bytes: all are dropped and counted, and the nodes go on.
func TestFault_F81_MalformedMessages(t *testing.T) {
	c := cluster(t, 2, apptest.OnBus(memory.NewBus(memory.QueueSize(1<<30))))
	own, other := dial(c, 0), dial(c, 1)
	huge := strings.Repeat("\xff", 9) + "\x01"
	var frames [][]byte
	for _, text := range []string{"", "x", "null", "GH", "GH\x10\x00", `{"uid":"x"}`, "\x93\xa1x\xc0\xc0", "\xdd\xff\xff\xff\xff"} {
		frames = append(frames, []byte(text))
	}
	id, _ := hex.DecodeString(stranger)
	head := "GH\x10\x00" + string(id)
	for _, rest := range []string{huge + "\x01", "\x01" + huge, "\x01\x01" + huge, "\x01\x01\x02\x01\x05" + huge, "\x01\x01\xff\xff\x03\x01", "\x00\x00"} {
		frames = append(frames, []byte(head+rest))
	}
	for kind := range 256 {
		if kind == int(backplane.Disconnect) {
			continue // of all clients, which a node may do
		}
		for _, body := range []string{"", "x", "null", "[]", `{"version":-1}`, strings.Repeat("[", 20_000)} {
			frames = append(frames, frame(0x10, stranger, 0, field([]byte{byte(kind)}, 27, body)))
		}
	}
	valid, err := envelope.Append(nil, []*backplane.Message{
		{Kind: backplane.Event, Origin: stranger, Seq: 1, Channel: backplane.ChannelEvents, Event: "other", Payload: backplane.Payload{JSON: []byte(`{"a":1}`)}, Select: backplane.Selection{Rooms: []string{"none"}, IDs: []string{"x"}}},
		{Kind: backplane.Join, Origin: stranger, Seq: 2, Channel: backplane.ChannelEvents, Rooms: []string{"r"}, Select: backplane.Selection{Rooms: []string{"none"}, Endpoints: []uint32{1}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(81, 1))
	for range 20_000 {
		b := append([]byte(nil), valid...)
		for range 1 + rnd.IntN(4) {
			b[12+rnd.IntN(len(b)-12)] = byte(rnd.IntN(256)) // the id stays
		}
		frames = append(frames, b)
	}
	for i, b := range frames {
		if len(b) >= 12 { // of 400 nodes, so that none is muted
			binary.BigEndian.PutUint64(b[4:], uint64(0xaa00+i%400))
		}
		for _, channel := range channels(c, 1) {
			c.Bus().Publish(channel, b)
		}
		if i%500 == 0 {
			handled(t, c, own[0], other[0]) // not faster than they are read
		}
	}
	handled(t, c, own[0], other[0])
	if s := stats(c, 1); s.Invalid < 1000 || s.Unknown < 200 {
		t.Errorf("%+v", s)
	}
	c.Await() // an empty Hello is that of a node, which sends no beats
	serves(t, c, own, other, 1)
}

// TestFault_F82_KilledWhileAsked: A node is killed while others wait for its answer: Fetch and Call return what the
// other nodes have answered, with the killed one in Unreachable, and Count an error that names it, as soon as it counts as dead.
func TestFault_F82_KilledWhileAsked(t *testing.T) {
	// So long that all have asked before the node is dead.
	c := cluster(t, 3, apptest.Backplane(backplane.Beats(50*time.Millisecond, 5*time.Second)))
	for i := range 3 {
		for _, x := range dial(c, i) {
			if i != 1 { // which may be killed before they have answered
				x.OnCall("vote", func(json.RawMessage) any { return i })
			}
		}
	}
	dead := c.Node(1).App().Self().ID
	c.Engine(1).Freeze() // its answers are not sent
	asked := stats(c, 1).Received
	done := make(chan string, 3)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	s := server(c, 0)
	started := time.Now()
	asking := make(chan struct{}, 3)
	ask := func(what string, f func() (reached int, unreachable []websockets.Node)) {
		go func() {
			asking <- struct{}{}
			switch n, lost := f(); {
			case n != 4:
				done <- what + ": not the clients of the other nodes"
			case len(lost) != 1 || lost[0].ID != dead:
				done <- what + ": the killed node is not unreachable"
			default:
				done <- ""
			}
		}()
	}
	ask("Fetch", func() (int, []websockets.Node) { f, _ := s.Fetch(ctx); return len(f.Clients), f.Unreachable })
	ask("Call", func() (int, []websockets.Node) {
		a, _ := s.Call(ctx, "vote", nil)
		return len(a.Answered), a.Unreachable
	})
	ask("Count", func() (int, []websockets.Node) {
		n, err := s.Count(ctx)
		if err == nil || !strings.Contains(err.Error(), dead) {
			return n, nil
		}
		return n, []websockets.Node{{ID: dead}}
	})
	for range 3 {
		testkit.Receive(t, "a question", asking)
	}
	testkit.Eventually(t, "the node is asked", func() bool { return stats(c, 1).Received >= asked+3 })
	c.Kill(1)
	for range 3 {
		if problem := testkit.Receive(t, "an answer", done); problem != "" {
			t.Error(problem)
		}
	}
	if took := time.Since(started); took > testkit.Patience/2 {
		t.Errorf("the answers took %v, and a node is dead after 5 s", took)
	}
}

// TestFault_F83_SameID: Two nodes have one id, as copies of a virtual machine do: the others receive what either sends
// under a number once, and count the second as a duplicate; the node ignores its copy, and all go on.
func TestFault_F83_SameID(t *testing.T) {
	c := cluster(t, 2)
	own, other := dial(c, 0), dial(c, 1)
	id := c.Node(0).App().Self().ID
	own[0].Call("say", 1) // number 1
	for _, x := range append(own, other...) {
		said(t, x, 1)
	}
	for seq := range uint64(10) { // the copy has sent numbers 1 to 10
		c.Bus().Publish(backplane.ChannelEvents, frame(0x10, id, seq+1, event("100")))
	}
	for n := range 10 { // and these have 2 to 11
		own[0].Call("say", 101+n)
	}
	for _, x := range other {
		if got := apptest.Expect[int](x, "said"); got != 100 { // the copy's, of number 2
			t.Fatalf("received %d", got)
		}
		received := 1
		for last := 0; last != 110; received++ {
			last = apptest.Expect[int](x, "said")
		}
		if received != 10 { // of 11 numbers, the first of which has arrived before
			t.Errorf("%d events, want one for each number", received)
		}
	}
	for _, x := range own { // its own, and nothing of the copy
		for n := range 10 {
			if got := apptest.Expect[int](x, "said"); got != 101+n {
				t.Errorf("received %d, want %d", got, 101+n)
			}
		}
	}
	if s := stats(c, 1); s.Duplicates != 10 { // number 1 of the copy, and 2 to 10 of the node
		t.Errorf("%+v", s)
	}
	serves(t, c, own, other, 200)
}

// TestFault_F85_Versions: Nodes of a newer version send what this one does not know: what may be left out is, the rest
// of the message counts; what changes its meaning, another major version and unknown kinds are refused and counted.
func TestFault_F85_Versions(t *testing.T) {
	c := cluster(t, 2, apptest.OnBus(memory.NewBus()))
	own, other := dial(c, 0), dial(c, 1)
	publish := func(version byte, seq uint64, message []byte) {
		c.Bus().Publish(backplane.ChannelEvents, frame(version, stranger, seq, message))
	}
	publish(0x1f, 1, field(event("1"), 200, "may be ignored"))
	publish(0x1f, 2, field(event("2"), 201, "must not be ignored"))
	publish(0x20, 3, event("3"))
	publish(0x1f, 3, field([]byte{200}, 27, "a kind of later"))
	publish(0x1f, 4, event("4"))
	hello := `{"name":"newer","min":0,"max":15,"started":"2026-01-01T00:00:00Z","endpoints":{},"later":{"x":[1]}}`
	for _, x := range append(append([]*apptest.Client(nil), own...), other...) {
		for _, want := range []int{1, 4} {
			if got := apptest.Expect[int](x, "said"); got != want {
				t.Errorf("received %d, want %d", got, want)
			}
		}
	}
	for i := range c.Len() { // it sends no beats, and is dead soon
		testkit.Eventually(t, "the newer node is known", func() bool {
			c.Bus().Publish(backplane.ChannelNodes, frame(0x1f, stranger, 0, field([]byte{byte(backplane.Hello)}, 27, hello)))
			return len(c.Node(i).App().Nodes()) == 3
		})
	}
	handled(t, c, own[0], other[0])
	c.Await()
	if s := stats(c, 1); s.Unknown != 3 || s.Invalid != 0 || s.Gaps != 0 {
		t.Errorf("%+v", s)
	}
	serves(t, c, own, other, 5)
}
