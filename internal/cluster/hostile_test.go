package cluster

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// An observer of the backplane that ends its goroutine, as a test that fails there does, ends neither the
// process nor the node: it sends, beats and is observed as before.
func TestFault_F87_ObserverEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		engine := bus.Node()
		a := newNode(t, 1, engine)
		steps := 0
		a.cfg.Observe = func(Step) {
			steps++
			if steps%2 > 0 {
				runtime.Goexit()
			}
			panic("observed")
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.stop(t) })
		b := start(t, 2, bus.Node())
		for range 2 {
			engine.Cut()
			pass(10 * time.Second)
			engine.Restore()
			pass(10 * time.Second)
		}
		if len(b.known()) != 2 || steps < 4 {
			t.Errorf("%d steps; the other node knows %q", steps, b.known())
		}
		b.take()
		a.mustEmit("later")
		b.want("later")
	})
}

// A function of the application that ends the goroutine in which a message of another node is delivered,
// such as the MarshalJSON of a shared value, costs that message: those behind it are delivered, and
// the room for others is as before.
func TestFault_F87_DeliveryEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, _ := pair(t, memory.NewBus())
		b.mu.Lock()
		b.deliver = func(m *backplane.Message) {
			if strings.HasPrefix(m.Event, "x") {
				runtime.Goexit()
			}
		}
		b.mu.Unlock()
		for i := range 3 {
			x := fmt.Sprint("x", i)
			a.mustEmit("1", x, x, "2") // one frame
			b.want("1", x, x, "2")
			a.mustEmit(x)
			b.want(x)
		}
		if s := b.Stats(); s.Gaps+s.Invalid > 0 {
			t.Errorf("%+v", s)
		}
		if n := len(b.log.Lines("ended its goroutine")); n != 9 {
			t.Errorf("%d lines in %s", n, b.log)
		}
		for _, w := range b.in {
			w.mu.Lock()
			if w.bytes != 0 {
				t.Errorf("%d bytes count as waiting", w.bytes)
			}
			w.mu.Unlock()
		}
	})
}

// heap returns the memory that is in use.
func heap() int {
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// from returns a frame of a node that is only its messages.
func from(t *testing.T, n int, all ...*backplane.Message) []byte {
	t.Helper()
	for i, m := range all {
		m.Origin, m.Channel, m.Seq = nodeID(n), backplane.ChannelNodes, uint64(i+1)
	}
	frame, err := envelope.Append(nil, all)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// A node that introduces itself by a name of half a megabyte is known by the start of the name, and takes no more
// memory than another one; the names of its endpoints are not in the log either.
func TestFault_F88_LongNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a := start(t, 1, bus.Node())
		synctest.Wait()
		before := heap()
		const nodes = 10
		long := strings.Repeat("é", 1<<18)
		for i := range nodes {
			body := encode(helloBody{Name: "n" + long, Endpoints: map[uint32]string{7: long}})
			bus.Publish(backplane.ChannelNodes, from(t, i+2, &backplane.Message{Kind: backplane.Hello, Body: body}))
			synctest.Wait()
		}
		if n := len(a.known()); n != nodes+1 {
			t.Fatalf("%d nodes are known", n)
		}
		if grown := heap() - before; grown > nodes<<19/2 {
			t.Errorf("%d bytes for %d nodes", grown, nodes)
		}
		if name := a.Others()[0].Name; len(name) > maxText || strings.TrimRight(name, "é") != "n" {
			t.Errorf("name %q", name)
		}
		if n := len(a.log.String()); n > 1000*nodes {
			t.Errorf("%d bytes of log", n)
		}
	})
}

// What waits to be delivered, or to be sent, counts with the memory that it takes, also where that is names of
// no bytes or empty attachments; a frame over the limit is never held.
func TestFault_F88_MemoryCounts(t *testing.T) {
	const names = 10_000
	m := &backplane.Message{Kind: backplane.Event, Event: "e"}
	m.Select.Rooms, m.Select.IDs = make([]string, names), make([]string, names)
	m.Payload.Attachments = make([][]byte, 1000)
	if got, held := memoryOf(m), 2*names*16+1000*24; got < held {
		t.Errorf("counted %d, held %d", got, held)
	}
	synctest.Test(t, func(t *testing.T) {
		a, _, _, _ := pair(t, memory.NewBus())
		frame := from(t, 9, &backplane.Message{Kind: backplane.Beat, Body: make([]byte, maxWaiting)})
		before := a.Stats().Invalid
		if !(inbound{a.Cluster}).ReceiveFrame(backplane.ChannelNodes, frame) {
			t.Error("counts as a frame without room")
		}
		for _, w := range a.in {
			w.mu.Lock()
			if w.bytes > 0 {
				t.Errorf("%d bytes are held", w.bytes)
			}
			w.mu.Unlock()
		}
		if n := a.Stats().Invalid - before; n != 1 {
			t.Errorf("%d are counted as invalid", n)
		}
	})
}

// An origin that is muted within a frame is muted for the rest of it: a frame may have millions of
// malformed messages.
func TestFault_F88_MutedWithinAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a := start(t, 1, bus.Node())
		synctest.Wait()
		var all []*backplane.Message
		for range 50 * muteAfter {
			all = append(all, &backplane.Message{Kind: backplane.Beat, Body: []byte("{")})
		}
		bus.Publish(backplane.ChannelNodes, from(t, 2, all...))
		synctest.Wait()
		if n := a.Stats().Invalid; n != muteAfter {
			t.Errorf("%d of %d malformed messages were read, want %d", n, len(all), muteAfter)
		}
	})
}

// What only a node may send is refused from programs that are none: no answer can be sent to them, and one that was tried
// had the whole batch lost, with events of the application.
func TestFault_F88_AskedByNoNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b, _, _ := pair(t, bus)
		a.mu.Lock()
		a.deliver = func(m *backplane.Message) {
			if m.Kind == backplane.Fetch {
				_ = a.Answer(m, &backplane.Message{Kind: backplane.Fetched})
			}
		}
		a.mu.Unlock()
		before := a.Stats()
		kinds := []backplane.Kind{
			backplane.Hello, backplane.Beat, backplane.Bye, backplane.Fetch, backplane.Call, backplane.Fetched, backplane.CallAnswer,
			backplane.PresenceAsk, backplane.PresenceDelta, backplane.PresenceState,
		}
		for i, kind := range kinds {
			m := &backplane.Message{Kind: kind, Origin: backplane.Emitter, Channel: backplane.ChannelNodes, Request: nodeID(7), Body: []byte(`{"ask":true}`)}
			frame, err := envelope.Append(nil, []*backplane.Message{m})
			if err != nil {
				t.Fatal(err)
			}
			bus.Publish(backplane.ChannelNodes, frame)
			event := fmt.Sprint(i)
			a.mustEmit(event)
			b.want(event)
		}
		if s := a.Stats(); s.Dropped > 0 || s.Nodes != 2 || int(s.Invalid-before.Invalid) != len(kinds) {
			t.Errorf("%+v", s)
		}
	})
}
