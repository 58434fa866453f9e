package sockio

import (
	"net"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// sleeper receives its events.
type sleeper chan Place

func (s sleeper) Wake(at Place) { s <- at }

// startPoller runs a poller until the end of the test.
func startPoller(t *testing.T) *Poller {
	t.Helper()
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run()
	}()
	t.Cleanup(func() {
		p.Close()
		testkit.Receive(t, "the end of Run", done)
	})
	return p
}

func watch(t *testing.T, p *Poller, nc net.Conn, s Sleeper) Place {
	t.Helper()
	at, err := p.Watch(nc, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestPoller(t *testing.T) {
	p := startPoller(t)
	for name, c := range map[string]func(theirs net.Conn){
		"bytes": func(nc net.Conn) { _, _ = nc.Write([]byte("x")) },
		"FIN":   func(nc net.Conn) { _ = nc.Close() },
		"RST": func(nc net.Conn) {
			_ = nc.(*net.TCPConn).SetLinger(0)
			_ = nc.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := pair(t)
			s := make(sleeper, 10)
			at := watch(t, p, ours, s)
			c(theirs)
			if testkit.Receive(t, "the event", s) != at {
				t.Error("woken at another place")
			}
			p.Leave(at)
			again := watch(t, p, ours, s) // what is there already counts
			if testkit.Receive(t, "the event", s) != again || again == at {
				t.Errorf("woken at %v, was at %v", again, at)
			}
			p.Leave(again)
			p.Leave(again)
			if len(s) > 0 {
				t.Error("woken more than once")
			}
		})
	}
}

// An event of a place that was left wakes neither its sleeper nor the next one.
func TestPollerLeave(t *testing.T) {
	p := startPoller(t)
	left, now := make(sleeper, 10), make(sleeper, 10)
	ours, theirs := pair(t)
	at := watch(t, p, ours, left)
	p.Leave(at) // the socket is still watched, as while an event is on its way
	others, othersTheirs := pair(t)
	next := watch(t, p, others, now)
	if next.index != at.index || next == at {
		t.Fatalf("place %v after %v", next, at)
	}
	_, _ = theirs.Write([]byte("x"))
	_, _ = othersTheirs.Write([]byte("x"))
	testkit.Receive(t, "the event", now)
	if len(left) > 0 || len(now) > 0 {
		t.Error("an event of a place that was left")
	}
	p.Leave(next)
}

// A socket that is closed without Leave is not watched any more, nor the next one with its
// descriptor.
func TestPollerReusedDescriptor(t *testing.T) {
	p := startPoller(t)
	old, young := make(sleeper, 100), make(sleeper, 100)
	for range 50 {
		ours, theirs := pair(t)
		at := watch(t, p, ours, old)
		_ = ours.Close()
		_ = theirs.Close()
		next, nextTheirs := pair(t)
		p.Leave(at)
		place := watch(t, p, next, young)
		_, _ = nextTheirs.Write([]byte("x"))
		if testkit.Receive(t, "the event", young) != place {
			t.Error("woken at another place")
		}
		p.Leave(place)
		_ = next.Close()
		_ = nextTheirs.Close()
	}
}

// The end of Run wakes the sleepers that are left; then Watch fails.
func TestPollerCloses(t *testing.T) {
	p := startPoller(t)
	ours, _ := pair(t)
	s := make(sleeper, 10)
	at := watch(t, p, ours, s)
	p.Close()
	if testkit.Receive(t, "the end", s) != at {
		t.Error("woken at another place")
	}
	if _, err := p.Watch(ours, s); err == nil {
		t.Error("a closed poller watches")
	}
	p.Leave(at)
}

// Only sockets are watched.
func TestPollerNotASocket(t *testing.T) {
	p := startPoller(t)
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := p.Watch(a, make(sleeper)); err == nil {
		t.Error("a pipe is watched")
	}
}
