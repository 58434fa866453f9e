package resume

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// absentClients are journals without connections.
type absentClients struct {
	t     testing.TB
	store *Store
}

func newAbsentClients(t testing.TB, opts adapter.Recovery) *absentClients {
	t.Helper()
	o, err := Complete("test", &opts)
	if err != nil {
		t.Fatal(err)
	}
	return &absentClients{t, New(*o, nil)}
}

// away is the connection of a client that is not sent anything any more.
type away struct{}

func (away) Send(*Message, *adapter.Outgoing) error { return websockets.ErrClosed }
func (away) Replay(*Message) error                  { return websockets.ErrClosed }
func (away) AwaitBinding()                          {}
func (away) Abort(websockets.Reason)                {}

// encode returns the message of an event.
func encode(text string, r *Ring) func(string, websockets.Payload) (any, error) {
	return func(event string, p websockets.Payload) (any, error) {
		m := &Message{Pos: r.Next()}
		m.Item.Frame = wsconn.SealCopy(true, fmt.Appendf(nil, `42["%s","%s","%s"]`, event, text, Offset(m.Pos)))
		m.Charge, m.Held = m.Item.Charge(), m.Item.Held()+int(unsafe.Sizeof(*m))
		return m, nil
	}
}

// dropped counts how often it was dropped.
type dropped int

func (*dropped) Resume(adapter.Conn, *adapter.Handshake) adapter.Session { return nil }

func (d *dropped) Drop() { *d++ }

// add adds a client of an address that has left.
func (a *absentClients) add(from string) (*Journal, *dropped) {
	address, _ := netip.ParseAddr(from)
	j := a.store.NewJournal(away{}, "id", "/", "", Address{Addr: address})
	j.live = nil
	var d dropped
	a.store.add(j, j.address, &d, a.store.opts.MaxDisconnection)
	return j, &d
}

// send sends an event to clients, and returns how many of them keep it.
func (a *absentClients) send(text string, to ...*Journal) (kept int) {
	a.t.Helper()
	o := adapter.NewOutgoing("n", text)
	for _, j := range to {
		m, err := o.Frame(j.ring, false, encode(text, j.ring))
		if err != nil {
			a.t.Fatal(err)
		}
		if j.Emit(m.(*Message), o) == nil {
			kept++
		}
	}
	return kept
}

func (j *Journal) ended() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.closed
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What is counted is what the heap holds: short and long events, to one client and to many.
func TestTotalIsTheHeap(t *testing.T) {
	const clients = 200
	for name, fill := range map[string]func(a *absentClients, all []*Journal){
		"no events": func(*absentClients, []*Journal) {},
		"short, to all": func(a *absentClients, all []*Journal) {
			for range 2000 {
				a.send("a text", all...)
			}
		},
		"short, to one": func(a *absentClients, all []*Journal) {
			for i := range 40_000 {
				a.send("a text", all[i%clients])
			}
		},
		"long, to one": func(a *absentClients, all []*Journal) {
			for i := range 2000 {
				a.send(strings.Repeat("x", 5000), all[i%clients])
			}
		},
		"to some": func(a *absentClients, all []*Journal) {
			for i := range 20_000 {
				a.send(strings.Repeat("x", i%1000), all[i%clients:min(clients, i%clients+5)]...)
			}
		},
		"old ones between": func(a *absentClients, all []*Journal) {
			for i := range 40_000 {
				if i%100 == 0 {
					a.send("a text", all[0])
				} else {
					all[0].ring.Next()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAbsentClients(t, adapter.Recovery{MaxBytes: 8 << 20, MaxClientsPerAddress: clients})
			all := make([]*Journal, clients)
			before := heapInUse()
			for i := range all {
				all[i], _ = a.add("192.0.2.1")
			}
			fill(a, all)
			holds, counted := heapInUse()-before, a.store.total.Load()
			t.Logf("%d bytes are counted, the heap has grown by %d", counted, holds)
			if counted < holds*8/10 || counted > holds*13/10 {
				t.Errorf("%d bytes are counted, the heap has grown by %d", counted, holds)
			}
			a.store.Close()
			if n := a.store.total.Load(); n != 0 {
				t.Errorf("%d bytes are counted for nothing", n)
			}
		})
	}
}

// Over MaxTotalBytes the address that holds most loses its clients, the one that left first
// before the others; other addresses lose nothing.
func TestMaxTotalBytes(t *testing.T) {
	const total = 1 << 20
	a := newAbsentClients(t, adapter.Recovery{MaxTotalBytes: total})
	quiet, quietDropped := a.add("192.0.2.1")
	a.send("for you", quiet)
	var loud []*Journal
	var drops []*dropped
	for range 50 {
		j, d := a.add("192.0.2.2")
		loud, drops = append(loud, j), append(drops, d)
	}
	most := int64(0)
	for range 10 {
		for _, j := range loud {
			a.send(strings.Repeat("x", 10_000), j)
			most = max(most, a.store.total.Load())
		}
	}
	if most > total {
		t.Errorf("%d bytes were counted, at most %d may be", most, total)
	}
	if quiet.ended() || *quietDropped > 0 {
		t.Error("a client of another address was dropped")
	}
	ended := 0
	for i, j := range loud {
		if j.ended() {
			if ended++; i > 0 && !loud[i-1].ended() {
				t.Errorf("client %d was dropped, and one that left earlier was not", i)
			}
		}
		if want := map[bool]dropped{true: 1}[j.ended()]; *drops[i] != want {
			t.Errorf("client %d was dropped %d times, want %d", i, *drops[i], want)
		}
	}
	if ended == 0 || ended == len(loud) {
		t.Errorf("%d of %d clients were dropped", ended, len(loud))
	}
	a.store.Close()
}

// An event of many clients counts for each with its part: dropping them for it would free
// nothing.
func TestSharedEventsCountInParts(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{MaxTotalBytes: 1 << 20})
	var crowd []*Journal
	for i := range 20 {
		j, _ := a.add(fmt.Sprintf("192.0.2.%d", i))
		crowd = append(crowd, j)
	}
	for range 20 {
		a.send(strings.Repeat("x", 10_000), crowd...) // 200 KB for all of them together
	}
	for i := range 50 {
		j, _ := a.add("198.51.100.1")
		for range 5 {
			a.send(fmt.Sprintf("%010000d", i), j) // 50 KB for each
		}
	}
	for i, j := range crowd {
		if j.ended() {
			t.Errorf("client %d was dropped", i)
		}
	}
	a.store.Close()
}

// What cannot be dropped does not make each event search for more.
func TestMoreConnectedClientsThanMaxTotalBytes(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{MaxTotalBytes: 5000})
	var all []*Journal
	for range 20 {
		all = append(all, a.store.NewJournal(away{}, "id", "/", "", Address{}))
	}
	a.store.enforceTotal()
	if total, remains := a.store.total.Load(), a.store.remains.Load(); total != int64(20*journalSize) || remains <= total || remains > total+5000 {
		t.Errorf("%d bytes remain, the next search is at %d", total, remains)
	}
	for _, j := range all {
		j.Close()
	}
	a.store.enforceTotal()
	if remains := a.store.remains.Load(); remains != 0 {
		t.Errorf("later the next search is at %d", remains)
	}
}

// Clients are sent events, leave and are dropped at the same time: in the end nothing is counted.
func TestAllAtOnce(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{MaxTotalBytes: 300_000, MaxBytes: 30_000, MaxClients: 50})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			var mine []*Journal
			for i := range 1000 {
				if i%10 == 0 {
					j, _ := a.add(fmt.Sprintf("192.0.2.%d", (worker+i)%7))
					mine = append(mine, j)
				}
				a.send(strings.Repeat("x", i), mine[len(mine)/2:]...)
				if i%30 == 0 {
					mine[len(mine)/3].Close()
				}
			}
		})
	}
	all.Wait()
	if total := a.store.total.Load(); total > 300_000 {
		t.Errorf("%d bytes are counted", total)
	}
	a.store.Close()
	if total := a.store.total.Load(); total != 0 || len(a.store.rings)+len(a.store.journals) > 0 {
		t.Errorf("in the end %d bytes, %d rings and %d journals", total, len(a.store.rings), len(a.store.journals))
	}
}

// One address has a limited number of absent clients. Addresses that may be a proxy's have no
// limit, nor have clients of unknown address.
func TestMaxClientsPerAddress(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{MaxClientsPerAddress: 3, MaxDisconnection: time.Hour})
	for _, from := range []string{"192.0.2.1", "2001:db8::"} {
		var all []*Journal
		for range 5 {
			j, _ := a.add(from)
			all = append(all, j)
		}
		for i, j := range all {
			if want := i < 2; j.ended() != want {
				t.Errorf("%s: client %d was dropped: %t, want %t", from, i, j.ended(), want)
			}
		}
	}
	for range 10 {
		j := a.store.NewJournal(away{}, "id", "/", "", Address{})
		a.store.add(j, Address{netip.MustParseAddr("127.0.0.1"), true}, new(dropped), a.store.opts.MaxDisconnection)
		a.add("unknown")
	}
	if n, want := a.store.absent.n, 2*3+10+10; n != want {
		t.Errorf("%d absent clients are kept, want %d", n, want)
	}
	a.store.Close()
}

// One more than MaxClients drops one of the address that has most.
func TestMaxClientsOfTheLargestAddress(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{MaxClients: 10})
	first, _ := a.add("192.0.2.1")
	for range 30 {
		a.add("192.0.2.2")
	}
	if first.ended() || a.store.absent.n != 10 {
		t.Errorf("the client of another address was dropped: %t; %d are kept", first.ended(), a.store.absent.n)
	}
	a.store.Close()
}

// A client that was absent when others started to drop what is over MaxTotalBytes, and has been recovered since, is not
// dropped.
func TestAudit_RecoveredWhileOthersAreDropped(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{})
	absent, _ := a.add("192.0.2.1")
	recovered, _ := a.add("192.0.2.1")
	twice, _ := a.add("192.0.2.1")
	shares := a.store.shares()
	for _, j := range []*Journal{recovered, twice} {
		a.store.mu.Lock()
		a.store.take(j) // as when a client claims it
		a.store.mu.Unlock()
	}
	a.store.add(twice, twice.address, new(dropped), a.store.opts.MaxDisconnection)
	if n := len(a.store.dropUntil(0, shares)); n != 1 {
		t.Errorf("%d clients were dropped", n)
	}
	if !absent.ended() || recovered.ended() || twice.ended() {
		t.Errorf("ended: the absent one %t, the one that was recovered %t, and that left again %t", absent.ended(), recovered.ended(), twice.ended())
	}
	recovered.Close()
	a.store.Close()
}

// A client that has missed too much cannot be recovered from the moment on in which it has: otherwise it would be
// connected, and never be sent anything.
func TestAudit_MissesTooMuchWhileItReconnects(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{MaxBytes: 1000})
	j, _ := a.add("192.0.2.1")
	a.store.mu.Lock() // one that reconnects
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		a.send(strings.Repeat("x", 2000), j)
	}()
	testkit.Eventually(t, "it cannot be recovered", j.ended)
	a.store.mu.Unlock()
	<-sent
	a.store.Close()
}
