package backplanetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

func testConstant(s *suite) {
	n := s.newNode()
	name, traits := n.engine.Name(), n.engine.Traits()
	if name == "" {
		s.Errorf("Name is empty")
	}
	ctx, cancel := s.context()
	defer cancel()
	if err := n.engine.Start(ctx, n.self, n); err != nil {
		s.Fatalf("Start: %v", err)
	}
	if n.engine.Name() != name || n.engine.Traits() != traits {
		s.Errorf("Name or Traits change with Start: %q, %+v", n.engine.Name(), n.engine.Traits())
	}
	n.stop()
	if n.engine.Name() != name || n.engine.Traits() != traits {
		s.Errorf("Name or Traits change with Stop: %q, %+v", n.engine.Name(), n.engine.Traits())
	}
}

func testStartLinks(s *suite) {
	n := s.start()
	var links []link
	n.cond.Update(func() { links = n.links })
	if want := []link{{up: true}}; !reflect.DeepEqual(links, want) {
		s.Errorf("calls of Link when Start has returned: %+v, want %+v", links, want)
	}
}

// allFields is a message with every field.
func allFields() backplane.Message {
	return backplane.Message{
		Kind: backplane.Call, Request: "00000000000000ff", Wait: 1234 * time.Millisecond,
		Select: backplane.Selection{
			Endpoints: []uint32{1, 0xffffffff}, Namespace: "/a", Rooms: []string{"r", "räume"}, IDs: []string{"i"},
			ExceptRooms: []string{"x"}, ExceptIDs: []string{"y"},
		},
		Event:   "event",
		Payload: backplane.Payload{JSON: []byte(`[{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{0, 255}}, Spread: true},
		Flags:   (backplane.Volatile | backplane.Uncompressed).WithOverflow(1),
		Rooms:   []string{"j"}, Body: []byte("body"), Count: 3,
	}
}

func testUnchanged(s *suite) {
	a, b := s.nodes()
	c := s.start(backplane.ChannelEvents)
	sent := a.message(backplane.ChannelEvents, allFields())
	want := clone(sent)
	a.send(sent)
	for _, n := range []*node{b, c} {
		if got := n.want(a, 1)[0]; !reflect.DeepEqual(got, want) {
			s.Errorf("%s has received\n%+v\nwant\n%+v", n.self.Name, got, want)
		}
	}
}

func testOrder(s *suite) {
	a, b := s.nodes()
	c := s.start(backplane.ChannelEvents, backplane.ChannelNodes)
	const batches, each = 40, 50
	both(a, b, func(n *node) {
		for range batches {
			batch := make([]*backplane.Message, each)
			for i := range batch {
				channel := backplane.ChannelEvents
				if i%5 == 4 {
					channel = backplane.ChannelNodes
				}
				batch[i] = n.message(channel, backplane.Message{Count: uint32(i)})
			}
			ctx, cancel := s.context()
			if err := n.engine.Send(ctx, batch); err != nil {
				s.Errorf("Send: %v", err)
			}
			cancel()
		}
	})
	const total = 2 * batches * each
	c.wait("all messages", func() bool { return len(c.received) >= total })
	var received []*backplane.Message
	c.cond.Update(func() { received = c.received })
	last := map[string]uint64{}
	for _, m := range received {
		key := m.Origin + m.Channel
		if m.Seq != last[key]+1 {
			s.Fatalf("message %d of %s on %s follows %d", m.Seq, m.Origin, m.Channel, last[key])
		}
		last[key] = m.Seq
	}
}

func testBounds(s *suite) {
	a, b := s.nodes()
	limit := a.engine.Traits().MaxBytes
	size := func(n int) int {
		if limit > 0 {
			n = min(n, limit/2)
		}
		return n
	}
	text := strings.Repeat("x", size(backplane.MaxBatchBytes/backplane.MaxBatch-100))
	batch := make([]*backplane.Message, backplane.MaxBatch)
	for i := range batch {
		batch[i] = a.event(text)
	}
	a.send(batch...)
	large := a.event(strings.Repeat("y", size(4<<20)))
	a.send(large)
	got := b.want(a, backplane.MaxBatch+1)
	if last := got[backplane.MaxBatch]; !bytes.Equal(last.Payload.JSON, large.Payload.JSON) {
		s.Errorf("a message with %d bytes has %d bytes now", len(large.Payload.JSON), len(last.Payload.JSON))
	}
}

func testMaxBytes(s *suite) {
	a, b := s.nodes()
	limit := a.engine.Traits().MaxBytes
	sized := func(n int) *backplane.Message {
		m := a.event("")
		for envelope.Size(m) < n {
			m.Payload.JSON = fmt.Appendf(nil, `"%s"`, strings.Repeat("x", len(m.Payload.JSON)-2+n-envelope.Size(m)))
			if envelope.Size(m) > n { // the length before it has become longer
				m.Payload.JSON = append(m.Payload.JSON[:len(m.Payload.JSON)-1-(envelope.Size(m)-n)], '"')
			}
		}
		return m
	}
	a.send(sized(limit))
	b.want(a, 1)
	ctx, cancel := s.context()
	defer cancel()
	large := sized(limit)
	large.Payload.JSON = append(large.Payload.JSON, ' ')
	if err := a.engine.Send(ctx, []*backplane.Message{large}); err == nil || errors.Is(err, ctx.Err()) {
		s.Errorf("Send of %d bytes, where MaxBytes is %d: %v, want an error", envelope.Size(large), limit, err)
	}
	b.want(a, 0)
}

func testBatchReused(s *suite) {
	a, b := s.nodes()
	const n = 20
	text := []byte(`"original"`)
	m := &backplane.Message{Select: backplane.Selection{Rooms: []string{""}}, Payload: backplane.Payload{JSON: make([]byte, len(text))}}
	batch := []*backplane.Message{m}
	for i := range n {
		next := a.message(backplane.ChannelEvents, backplane.Message{Event: fmt.Sprint("event ", i)})
		next.Select.Rooms = m.Select.Rooms
		next.Select.Rooms[0] = fmt.Sprint("room ", i)
		next.Payload.JSON = m.Payload.JSON[:copy(m.Payload.JSON, text)]
		*m = *next
		a.send(batch...)
		copy(m.Payload.JSON, `"changed.."`)
		m.Select.Rooms[0], m.Event = "changed", "changed"
	}
	for i, got := range b.want(a, n) {
		if want := fmt.Sprint("event ", i); got.Event != want || got.Select.Rooms[0] != fmt.Sprint("room ", i) || !bytes.Equal(got.Payload.JSON, text) {
			s.Fatalf("message %d is %q to %q with %s: the engine has kept the batch", i, got.Event, got.Select.Rooms, got.Payload.JSON)
		}
	}
}

func testBytesOwned(s *suite) {
	a, b := s.nodes()
	c := s.start(backplane.ChannelEvents)
	for _, n := range []*node{b, c} {
		n.cond.Update(func() { n.onFrame = func(frame []byte) { clear(frame) } })
	}
	const count = 50
	for range count {
		a.send(a.event("text"))
	}
	for _, n := range []*node{b, c} {
		for i, m := range n.want(a, count) {
			if string(m.Payload.JSON) != `"text"` {
				s.Fatalf("message %d is %s: nodes share its bytes", i, m.Payload.JSON)
			}
		}
	}
	for _, n := range []*node{b, c} {
		for _, p := range n.found() {
			s.Errorf("%s", p)
		}
	}
}

func testLoopback(s *suite) {
	a, b := s.nodes()
	a.send(a.event("1"))
	b.want(a, 1)
	b.send(b.event("2"))
	a.want(b, 1)
	loopback := a.engine.Traits().Loopback || s.isLog()
	if loopback {
		a.wait("its own messages", func() bool { return a.own == 2 })
	}
	a.cond.Update(func() {
		if a.own > 0 && !loopback {
			s.Errorf("a node has received %d messages of its own, and Traits.Loopback is false", a.own)
		}
	})
}

func testOneAtATime(s *suite) {
	a, b := s.nodes()
	c := s.start(backplane.ChannelEvents)
	var calls atomic.Int64
	c.cond.Update(func() {
		c.onFrame = func([]byte) {
			// Long enough for another call, were there one.
			<-time.After(time.Millisecond)
			calls.Add(1)
		}
	})
	const count = 30
	both(a, b, func(n *node) {
		for range count {
			n.send(n.event("x"))
		}
	})
	c.wait("all messages", func() bool { return len(c.received) >= 2*count })
	for _, p := range c.found() {
		s.Errorf("%s", p)
	}
}
