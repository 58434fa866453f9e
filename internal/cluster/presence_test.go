package cluster

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// Messages of presence reach all nodes, or one, each once and in order; and a node is called when
// others join and leave.
func TestPresenceMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		var changes atomic.Int64
		var mu sync.Mutex
		got := map[int][]string{}
		launch := func(number int) *testNode {
			x := newNode(t, number, bus.Node())
			x.cfg.Members = func() { changes.Add(1) }
			x.cfg.Deliver = func(m *backplane.Message, _ Load) error {
				mu.Lock()
				defer mu.Unlock()
				got[number] = append(got[number], m.Kind.String()+" "+string(m.Body))
				return nil
			}
			if err := x.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return x
		}
		a, b, c := launch(1), launch(2), launch(3)
		if n := changes.Swap(0); n != 6 {
			t.Errorf("%d changes of members, want 6", n)
		}
		send := func(kind backplane.Kind, to, body string) {
			m := &backplane.Message{Kind: kind, Channel: backplane.ChannelPresence, To: to, Body: []byte(body)}
			if to != "" {
				m.Channel = backplane.ChannelNode(to)
			}
			if err := a.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		send(backplane.PresenceDelta, "", "1")
		send(backplane.PresenceDelta, "", "2")
		send(backplane.PresenceState, b.id, "3")
		synctest.Wait()
		misled := &backplane.Message{Kind: backplane.PresenceAsk, Channel: backplane.ChannelPresence, To: c.id, Body: []byte("4")}
		if err := b.Send(misled); err != nil { // of an engine without Direct
			t.Fatal(err)
		}
		synctest.Wait()
		mu.Lock()
		if len(got[1]) != 0 || len(got[2]) != 3 || len(got[3]) != 3 || got[2][0] != "presence delta 1" || got[2][2] != "presence state 3" || got[3][2] != "presence ask 4" {
			t.Errorf("received: %v", got)
		}
		mu.Unlock()
		b.stop(t)
		synctest.Wait()
		if n := changes.Swap(0); n != 2 {
			t.Errorf("a stop: %d changes, want 2", n)
		}
		c.cfg.Backplane.(*memory.Backplane).Kill()
		pass(9 * time.Second)
		if n := changes.Load(); n < 1 {
			t.Errorf("a death: %d changes", n)
		}
		a.stop(t)
		c.stop(t)
	})
}
