package resume

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// aloneHandover is that of a node without others.
type aloneHandover struct{}

func (aloneHandover) Prefix() string { return "aaaaaa" }
func (aloneHandover) Claim(context.Context, adapter.Endpoint, *adapter.Handshake, string, string) adapter.Arrival {
	return nil
}
func (aloneHandover) Suspended(adapter.Suspension, string) {}

// The clients that one node parks share their events at the keeper, as they did before: each in its order, and while one holds them.
func TestParkedClientsShareEvents(t *testing.T) {
	opts, err := Complete("test", &adapter.Recovery{})
	if err != nil {
		t.Fatal(err)
	}
	store := New(*opts, aloneHandover{})
	text := strings.Repeat("x", 1000)
	encode := func(_ string, e adapter.Missed, pos uint64) (*Message, error) {
		m := &Message{}
		m.Item.Frame = wsconn.SealCopy(true, fmt.Appendf(nil, "%s %s %s", e.Event, text, Offset(pos)))
		m.Charge, m.Held = m.Item.Charge(), m.Item.Held()
		return m, nil
	}
	const clients, events = 50, 20
	keep := func(from string, client int) *Journal {
		p := adapter.Parked{ID: fmt.Sprint(from, client), From: from, Namespace: "/", Key: fmt.Sprint(from, " key ", client), Left: time.Minute}
		for i := range events {
			if i%7 == client%7 {
				continue // of another room
			}
			e := adapter.Missed{Event: fmt.Sprint("e", i), Source: Offset(uint64(i + 1))}
			if i < events/2 {
				e.Position = e.Source
			}
			p.Missed = append(p.Missed, e)
		}
		c, _, ok := store.Keep(p, encode, func(*Journal, *adapter.Outgoing) error { return nil })
		if !ok {
			t.Fatal("it is not kept")
		}
		return c.(*parkedConn).j
	}
	var all []*Journal
	before := store.Bytes()
	for i := range clients {
		all = append(all, keep("a", i))
	}
	if got, most := store.Bytes()-before, int64(clients*(journalSize+events*positionSize*4)+events*2000); got > most {
		t.Errorf("%d clients hold %d bytes, want %d at most", clients, got, most)
	}
	all = append(all, keep("b", 0)) // other events
	for client, j := range all {
		var got []string
		for pos := range j.kept.all {
			got = append(got, strings.Fields(string(j.ring.at(pos).Item.Frame.Payload()))[0])
		}
		var want []string
		for i := range events {
			if i%7 != client%clients%7 {
				want = append(want, fmt.Sprint("e", i))
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("client %d has %q, want %q", client, got, want)
		}
		r := &Resumption{store: store, j: j, pos: positionOf(Offset(3))} // a position of the node before
		if n := r.received(); client%clients%7 > 2 && n != 3 {
			t.Errorf("client %d has received %d by its third position", client, n)
		}
	}
	ring := all[0].ring
	for _, j := range all {
		j.Close()
	}
	if n := store.Bytes(); n != before || len(ring.sources) > 0 || len(ring.blocks) > 0 {
		t.Errorf("%d bytes, %d sources and %d blocks are left", n-before, len(ring.sources), len(ring.blocks))
	}
}
