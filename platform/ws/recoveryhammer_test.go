package ws_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// numbers returns what a client that is cut off, or has everything, has received.
func numbers(t *testing.T, c *apptest.Client) (all []int) {
	t.Helper()
	for _, f := range c.Raw().Frames() {
		var frame struct {
			Event string
			Data  json.RawMessage
		}
		if err := json.Unmarshal([]byte(f), &frame); err != nil {
			t.Fatal(err)
		}
		if frame.Event == "n" {
			var n int
			if err := json.Unmarshal(frame.Data, &n); err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
	}
	return all
}

// Clients are cut off at any moment of a stream of events, and come again before or after the server has noticed: each
// receives each event once and in order.
func TestRecoveryUnderLoad(t *testing.T) {
	const clients, events, cuts = 6, 4000, 100
	g := newNews()
	a := g.start(t, ws.Recovery{MaxBytes: 8 << 20, MaxTotalBytes: 1 << 30})
	now := make([]*apptest.Client, clients)
	received := make([][]int, clients)
	for i := range now {
		now[i] = a.DialWS("/", offerV1)
		ready(now[i])
	}
	published, more := make(chan error, 1), make(chan struct{}, cuts)
	go func() {
		for n := range events {
			if n%(events/cuts) == 0 {
				<-more
			}
			if err := g.Server.To("readers").Emit(t.Context(), "n", n); err != nil {
				published <- err
				return
			}
		}
		published <- nil
	}()
	for range cuts {
		more <- struct{}{}
		i := rand.IntN(clients)
		old := now[i]
		old.Abort()
		received[i] = append(received[i], numbers(t, old)...)
		if now[i] = a.DialWS("/", apptest.WithRecovery(old)); now[i].ID() != old.ID() {
			t.Fatal("not recovered")
		}
		ready(now[i]) // before that it would be a new client
	}
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	for i, c := range now {
		testkit.Eventually(t, "the last event", func() bool {
			all := numbers(t, c)
			return len(received[i])+len(all) >= events
		})
		all := append(received[i], numbers(t, c)...)
		for n, got := range all {
			if got != n {
				t.Fatalf("client %d: event %d is %d: %v", i, n, got, all[max(0, n-3):min(len(all), n+3)])
			}
		}
		if len(all) != events {
			t.Errorf("client %d has received %d events, want %d", i, len(all), events)
		}
	}
}
