package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/presence"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const liarID = "00000000000000fe"

// newLiar starts a node that answers as answer says.
func newLiar(t *testing.T, bus *memory.Bus, answer func(q *backplane.Message, send func(*backplane.Message))) {
	t.Helper()
	log := &testkit.Log{}
	var c *cluster.Cluster
	c = cluster.New(cluster.Config{
		Backplane: bus.Node(), Options: backplane.NewOptions(), Log: log.Logger(slog.LevelError),
		Self: func() backplane.Node { return backplane.Node{ID: liarID, Name: "liar"} },
		Deliver: func(_ *backplane.Message, load cluster.Load) error {
			q, err := load()
			if err == nil {
				answer(q, func(m *backplane.Message) {
					if err := c.Answer(q, m); err != nil {
						t.Error(err)
					}
				})
			}
			return err
		},
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
}

// A node that answers Fetch, Count and Call falsely, twice, or without end, with clients that it has not announced or a body of empty
// objects, counts as one that has not answered; the answers of others are there, and what it can make the
// asking node hold is bounded.
func TestFault_F88_FalseAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		k, s := newNodeRuntime(t, bus.Node())
		p := newPeer("ada")
		p.is(k.endpoint().Connect(p, k.handshake("/x")))
		lie := ""
		newLiar(t, bus, func(q *backplane.Message, send func(*backplane.Message)) {
			clients := func(count uint32, body string) {
				send(&backplane.Message{Kind: backplane.Fetched, Count: count, Body: []byte(body)})
			}
			switch {
			case q.Kind == backplane.Call:
				send(&backplane.Message{Kind: backplane.CallCount, Count: 2, Select: backplane.Selection{IDs: []string{"a", "b", "c"}}})
				send(&backplane.Message{Kind: backplane.CallCount, Count: 2, Select: backplane.Selection{IDs: []string{"a"}}})
				for range 3 {
					send(&backplane.Message{Kind: backplane.CallAnswer, Select: backplane.Selection{IDs: []string{"a"}}})
				}
			case lie == "more than announced":
				clients(1, `[{"id":"a"},{"id":"b"}]`)
			case lie == "empty objects":
				clients(4_000_000_000, "["+strings.Repeat("{},", 1<<20)+"{}]")
			case lie == "no end":
				for range 20 {
					clients(4_000_000_000, `[{"id":"a"}]`)
				}
			case lie == "twice":
				clients(1, `[{"id":"a"}]`)
				clients(1, `[{"id":"b"}]`)
				clients(0, "")
			}
		})
		for what, want := range map[string]int{"more than announced": 1, "empty objects": 1, "no end": 21, "twice": 2} {
			lie = what
			got, err := s.Fetch(t.Context())
			if unreachable := what != "twice"; err != nil || len(got.Clients) != want || (len(got.Unreachable) == 1) != unreachable {
				t.Errorf("%s: %d clients, want %d; unreachable %v; %v", what, len(got.Clients), want, got.Unreachable, err)
			}
		}
		p.does(func() {})
		answers, err := s.Call(t.Context(), "question", nil)
		if err != nil || len(answers.Answered) != 1 || len(answers.Missing) != 1 || len(answers.Unreachable) != 1 {
			t.Errorf("%+v, %v", answers, err)
		}
		for _, r := range []*remoteCall{{ids: 2 * maxAnswers}, {bytes: maxAnswersBytes}} {
			r.nodes = map[string]*calledNode{}
			r.answered(backplane.Node{ID: liarID}, &backplane.Message{
				Kind: backplane.CallCount, Count: 1, Select: backplane.Selection{IDs: []string{"x"}}, Payload: backplane.Payload{JSON: []byte("1")},
			})
			if n := r.nodes[liarID]; n.counted || len(n.open) > 0 {
				t.Errorf("answers without a bound: %+v", n)
			}
		}
	})
}

// A message that names an endpoint, an id or a room many times reaches each client once.
func TestFault_F88_NamedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		k, _ := newNodeRuntime(t, bus.Node())
		p := newPeer("ada")
		p.is(k.endpoint().Connect(p, k.handshake("/x")))
		if err := p.client().Join("tea"); err != nil {
			t.Fatal(err)
		}
		key := k.endpoint().key[0]
		for what, sel := range map[string]backplane.Selection{
			"endpoint": {Endpoints: []uint32{key, key, 7, key}},
			"id":       {IDs: []string{"ada", "ada", "ada"}},
			"room":     {Rooms: []string{"tea", "tea"}, IDs: []string{"ada"}},
		} {
			m := &backplane.Message{Kind: backplane.Event, Event: "e", Select: sel, Origin: liarID, Channel: backplane.ChannelEvents}
			if err := k.rt.deliver(m, func() (*backplane.Message, error) { return m, nil }); err != nil {
				t.Error(err)
			}
			if got := p.got(); len(got) != 1 {
				t.Errorf("%s: the client got %q", what, got)
			}
		}
	})
}

// With a backplane of small messages, nodes answer in as many as they need, and an entry of presence that
// other nodes could not be sent is an error of Track, while the others arrive.
func TestFault_F88_SmallMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.MaxBytes(4 << 10))
		a, s := newNodeRuntime(t, bus.Node())
		b, other := newNodeRuntime(t, bus.Node())
		synctest.Wait()
		const clients = 300
		for i := range clients {
			p := newPeer(fmt.Sprintf("client-%020d", i))
			p.is(b.endpoint().Connect(p, b.handshake("/x")))
			p.does(func() {})
		}
		if got, err := s.Fetch(t.Context()); err != nil || len(got.Clients) != clients || len(got.Unreachable) > 0 {
			t.Errorf("Fetch: %d clients, unreachable %v, %v", len(got.Clients), got.Unreachable, err)
		}
		answers, err := s.Call(t.Context(), "question", nil)
		if err != nil || len(answers.Answered)+len(answers.Missing) != clients || len(answers.Unreachable) > 0 {
			t.Errorf("Call: %d answers, %d missing, unreachable %v, %v", len(answers.Answered), len(answers.Missing), answers.Unreachable, err)
		}
		p := newPeer("ada")
		p.is(a.endpoint().Connect(p, a.handshake("/x")))
		if err := p.client().Join("tea"); err != nil {
			t.Fatal(err)
		}
		for size, want := range map[int]error{4080: presence.ErrSize, 2000: nil, 3000: nil} {
			if err := online.Track(t.Context(), p.client(), "tea", fmt.Sprint(size), strings.Repeat("x", size)); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("a value of %d bytes: %v, want %v", size, err, want)
			}
		}
		<-time.After(time.Second)
		for _, server := range []*websockets.Server{s, other} {
			if got := online.ListOf(server, "/x", "tea"); len(got) != 2 {
				t.Errorf("%d entries", len(got))
			}
		}
	})
}
