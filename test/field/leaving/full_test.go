package leaving_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// attempts is how often a time is measured until it is short enough: whatever else the machine does may take longer.
const attempts = 5

// TestField_X01_LeaveWithFullInbox: A client that leaves by FIN or RST, or falls silent, while its inbox is full and
// its handler waits for the context, is noticed without heartbeats: session, goroutines and descriptors of 100 clients are
// freed within 10 s on a busy machine (silent: ping interval + timeout + 10 s), and HandleDisconnect has run once.
func TestField_X01_LeaveWithFullInbox(t *testing.T) {
	silent := websockets.Limits{PingInterval: 500 * time.Millisecond, PingTimeout: 3 * time.Second} // longer than it takes to enter
	onEach(t, func(t *testing.T, k kind) {
		for _, end := range []struct {
			name   string
			leave  func(*client)
			limits websockets.Limits
		}{
			{"FIN", func(c *client) { c.Abort() }, websockets.Limits{}},
			{"RST", func(c *client) { c.Reset() }, websockets.Limits{}},
			{"silence", nil, silent},
		} {
			t.Run(end.name, func(t *testing.T) {
				within := end.limits.PingInterval + end.limits.PingTimeout + 10*time.Second
				for i := 1; ; i++ {
					took := leaveWithFullInboxes(t, k, end.limits, end.leave)
					t.Logf("%d clients, back after %v", clients(), took.Round(time.Millisecond))
					if took <= within {
						return
					}
					if i == attempts {
						t.Fatalf("%d times the clients had not left within %v", attempts, within)
					}
				}
			})
		}
	})
}

// leaveWithFullInboxes returns how long it took until nothing was left of clients that leave, or fall silent if leave is nil.
func leaveWithFullInboxes(t *testing.T, k kind, limits websockets.Limits, leave func(*client)) (took time.Duration) {
	t.Helper()
	s := k.stage(t, waiting(), stage.Limits(limits))
	first := k.open(t, s.Addr) // so that everything that a server starts once exists
	before := used()
	n := clients()
	all := make([]*client, n)
	for i := range all {
		all[i] = k.open(t, s.Addr)
	}
	messages := repeat(k.text("wait", "1"), 401)
	for _, c := range all {
		_ = c.send(messages...)
	}
	if leave != nil { // otherwise it is too late for some
		s.Wait("every client is connected", func() bool { return s.Connects() == n+1 })
		for _, c := range all {
			leave(c)
		}
	}
	first.close(t)
	if leave == nil { // the clients' ends of the connections are files too
		started := time.Now()
		s.Wait("every client has left", func() bool { return len(s.Reasons()) > n })
		took = time.Since(started)
		for _, c := range all {
			c.Abort()
		}
	}
	took = max(took, wantBack(t, s, before, testkit.Patience))
	s.WantGone(n + 1)
	return took
}

// TestField_X01_LeaveWhileHandleConnectionRuns: A client that leaves while its messages wait because HandleConnection
// has not returned yet is noticed in the same way, and its session is freed.
func TestField_X01_LeaveWhileHandleConnectionRuns(t *testing.T) {
	onEach(t, func(t *testing.T, k kind) {
		s := k.stage(t, waiting(), stage.OnConnect(hookUntilEnd))
		before := used()
		c := k.open(t, s.Addr)
		_ = c.send(repeat(k.text("wait", "1"), 401)...)
		s.Wait("the hook runs", func() bool { return s.Connects() == 1 })
		c.Abort()
		wantBack(t, s, before, 10*time.Second) // heartbeats would need much longer
		s.WantGone(1)
	})
}

// TestField_X01_BusyClientStays: A client whose inbox is always full and that is alive stays connected, however long
// it sends, and so does one that waits for a single slow handler and answers pings.
func TestField_X01_BusyClientStays(t *testing.T) {
	for _, k := range kinds() {
		if k.name == "polling" {
			continue // it sends one POST at a time, see TestField_X01_SlowPost
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel() // it only waits
			release := make(chan struct{})
			s := k.stage(t, stage.Limits(beating), slow(release))
			c := k.open(t, s.Addr)
			go answerPings(c, k)
			over := make(chan struct{})
			go func() { // TCP holds it back
				messages := repeat(k.text("pause", "1"), 50)
				for c.send(messages...) == nil {
				}
				close(over)
			}()
			wait(longEnough)
			if r := s.Reasons(); len(r) > 0 {
				t.Fatalf("the busy client was closed: %v", r)
			}
			c.Abort()
			<-over
			s.WantGone(1)

			c = k.open(t, s.Addr)
			go answerPings(c, k)
			_ = c.send(append([]string{k.text("block", "1")}, repeat(k.text("pause", "1"), 400)...)...)
			s.Wait("the slow handler runs", func() bool { return blocked(s) })
			wait(longEnough)
			if r := s.Reasons(); len(r) > 1 {
				t.Errorf("the client of a slow handler was closed: %v", r)
			}
			close(release)
			c.Abort()
			s.WantGone(2)
		})
	}
}

// beating has heartbeats that a client answers in time on a busy machine too, and longEnough is when one that answered
// none would have been closed.
var beating = websockets.Limits{PingInterval: 200 * time.Millisecond, PingTimeout: 5 * time.Second, CloseTimeout: 300 * time.Millisecond}

const longEnough = 8 * time.Second

// TestField_X01_SlowPost: A client over polling that polls stays connected while its POST waits for a slow handler,
// beyond ping interval + timeout.
func TestField_X01_SlowPost(t *testing.T) {
	k := kinds()[5]
	release := make(chan struct{})
	s := k.stage(t, stage.Limits(beating), slow(release))
	p := rawpeer.NewEngine(t, s.Addr).Poll()
	rawpeer.Enter(t, p, "/", "")
	post := rawpeer.Dial(t, s.Addr)
	body := k.text("block", "1")
	for range 300 {
		body += "\x1e" + k.text("pause", "1")
	}
	post.Write(rawpeer.Post(p.Query("polling", p.SID), body))
	s.Wait("the slow handler runs", func() bool { return blocked(s) })
	for until := time.Now().Add(longEnough); time.Now().Before(until); {
		if a := p.Get(); a.Body != "2" {
			t.Fatalf("a poll was answered %d %q, want a ping", a.Status, a.Body)
		}
	}
	if r := s.Reasons(); len(r) > 0 {
		t.Errorf("the client was closed: %v", r)
	}
	close(release)
	if a := post.Answer(); a.Body != "ok" {
		t.Errorf("the POST was answered %d %q", a.Status, a.Body)
	}
}
