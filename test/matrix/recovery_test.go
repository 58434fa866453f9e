package matrix_test

import (
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

func startRecovery(t *testing.T, r socketio.Recovery) *application {
	t.Helper()
	return startApp(t, "127.0.0.1:0", socketio.Options{Recovery: &r})
}

// emit broadcasts numbers.
func (a *application) emit(t *testing.T, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := a.gateway.Server.Emit(t.Context(), "x", i); err != nil {
			t.Fatal(err)
		}
	}
}

// waitClients waits until n clients are connected.
func (a *application) waitClients(t *testing.T, n int) {
	t.Helper()
	testkit.Eventually(t, strconv.Itoa(n)+" clients", func() bool { return a.gateway.Server.Local().Len() == n })
}

// disconnectedClient connects, receives 0, and loses its connection.
func disconnectedClient(t *testing.T, a *application) *peer {
	t.Helper()
	n := a.gateway.Server.Local().Len()
	p := mustJoin(t, a.url, "", "")
	a.waitClients(t, n+1)
	a.emit(t, 0, 0)
	p.expect(t, 0, 0)
	p.cut()
	a.waitClients(t, n)
	return p
}

func TestRecoveryMaxBytes(t *testing.T) {
	a := startRecovery(t, socketio.Recovery{MaxBytes: 20_000})

	within := disconnectedClient(t, a)
	a.emit(t, 1, 40) // which use about 250 bytes each
	back := mustJoin(t, a.url, within.pid, within.offset)
	if back.id != within.id {
		t.Fatal("a client that missed less than MaxBytes is not recovered")
	}
	back.expect(t, 1, 40)
	back.cut()
	a.waitClients(t, 0)

	over := disconnectedClient(t, a)
	a.emit(t, 1, 400)
	back = mustJoin(t, a.url, over.pid, over.offset)
	if back.id == over.id {
		t.Error("a client that missed more than MaxBytes is recovered")
	}
	a.waitClients(t, 1)
	a.emit(t, 1000, 1000)
	back.expect(t, 1000, 1000) // and nothing that it missed
}

func TestRecoveryMaxClients(t *testing.T) {
	a := startRecovery(t, socketio.Recovery{MaxClients: 2})
	first, second, third := disconnectedClient(t, a), disconnectedClient(t, a), disconnectedClient(t, a)
	// The third counts as absent some moments before the first is dropped for it.
	testkit.Eventually(t, "two absent clients", func() bool {
		n := 0
		for _, e := range a.app.Stats().Endpoints {
			n += e.Suspended
		}
		return n == 2
	})
	a.emit(t, 1, 3)
	if back := mustJoin(t, a.url, first.pid, first.offset); back.id == first.id {
		t.Error("the first of three disconnected clients is recovered, with MaxClients 2")
	}
	for _, p := range []*peer{second, third} {
		back := mustJoin(t, a.url, p.pid, p.offset)
		if back.id != p.id {
			t.Error("one of the last two disconnected clients is not recovered")
			continue
		}
		for _, want := range missed(p, second) {
			back.expect(t, want, want)
		}
	}
}

// missed is what a client of TestRecoveryMaxClients has missed: for the second client also the
// number emitted when the third connected.
func missed(p, second *peer) []int {
	if p == second {
		return []int{0, 1, 2, 3}
	}
	return []int{1, 2, 3}
}

// TestRecoveryOfOpenConnection: the client has noticed the loss of its connection, the server has
// not.
func TestRecoveryOfOpenConnection(t *testing.T) {
	a := startRecovery(t, socketio.Recovery{})
	old := mustJoin(t, a.url, "", "")
	a.waitClients(t, 1)
	a.emit(t, 0, 0)
	old.expect(t, 0, 0)
	a.emit(t, 1, 20) // sent to the old connection, never read by the client
	started := time.Now()
	back := mustJoin(t, a.url, old.pid, old.offset)
	if back.id != old.id {
		t.Fatal("not recovered")
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	a.waitClients(t, 1)
	a.emit(t, 21, 25)
	back.expect(t, 1, 25)
	for { // the old connection is closed
		if _, err := old.next(); err != nil {
			return
		}
	}
}

// TestRecoveryIsExclusive: several connections recover the same client at once, and at most one has
// it in the end. Each other either had it before or is a new client. No client may have it when one
// was taken over before its HandleConnection had returned: such a client is not recovered.
func TestRecoveryIsExclusive(t *testing.T) {
	a := startRecovery(t, socketio.Recovery{})
	for range 10 {
		if recoverAtOnce(t, a, disconnectedClient(t, a)) > 0 {
			return
		}
	}
	t.Error("no connection has recovered the client, in 10 rounds")
}

// recoverAtOnce returns how many of several connections have recovered a client.
func recoverAtOnce(t *testing.T, a *application, p *peer) (recovered int) {
	a.emit(t, 1, 5)
	const n = 8
	got := make(chan string, n)
	for range n {
		go func() {
			back, err := join(a.url, p.pid, p.offset)
			if err != nil {
				got <- err.Error() // it was taken over before it was connected
				return
			}
			t.Cleanup(back.cut)
			got <- back.id
		}()
	}
	for range n {
		if id := <-got; id == p.id {
			recovered++
		}
	}
	testkit.Eventually(t, "one client with the id", func() bool {
		same := 0
		for c := range a.gateway.Server.Local().Clients() {
			if c.ID() == p.id {
				same++
			}
		}
		return same <= 1
	})
	return recovered
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // runs finalizers and empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestRecoveryReleasesMemory: the stored state of a client is freed however it ends.
func TestRecoveryReleasesMemory(t *testing.T) {
	t.Run("cut off, expired", func(t *testing.T) {
		cut := func(_ *application, p *peer) { p.cut() }
		// A busy machine needs so long for the clients that the first ones have expired when the last one is cut off.
		for expires := 5 * time.Second; !releasesMemory(t, expires, true, cut); expires *= 2 {
			if expires > testkit.Patience/2 {
				t.Fatal("too few bytes are held to detect a leak")
			}
		}
	})
	t.Run("disconnected", func(t *testing.T) {
		releasesMemory(t, time.Hour, false, func(_ *application, p *peer) {
			if err := p.write("41"); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("disconnected by the server", func(t *testing.T) {
		releasesMemory(t, time.Hour, false, func(a *application, _ *peer) { a.gateway.Server.Local().Disconnect() })
	})
}

// releasesMemory checks that clients that leave hold no memory in the end. It reports whether they held some before, if they
// are absent for a time.
func releasesMemory(t *testing.T, expires time.Duration, absent bool, leave func(a *application, p *peer)) (held bool) {
	t.Helper()
	const clients, size = 25, 200_000
	a := startRecovery(t, socketio.Recovery{MaxDisconnection: expires})
	before := heap()
	for i := range clients {
		p := mustJoin(t, a.url, "", "")
		a.waitClients(t, 1)
		for c := range a.gateway.Server.Local().Clients() { // the only client
			if err := errors.Join(c.Emit(t.Context(), "big", strings.Repeat("x", size)), c.Emit(t.Context(), "x", i)); err != nil {
				t.Fatal(err)
			}
		}
		p.expect(t, i, i)
		leave(a, p)
		a.waitClients(t, 0)
		p.cut()
	}
	if absent {
		held = int64(heap())-int64(before) >= clients*size/2
	}
	var after uint64
	testkit.Eventually(t, "the memory is released", func() bool {
		after = heap()
		return int64(after)-int64(before) < clients*size/4
	})
	t.Logf("%d bytes before, %d after", before, after)
	return held
}
