package leaving_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X01_LeaveWithFullInbox: A client that leaves by FIN or RST, or falls silent, while its inbox is full and
// its handler waits for the context, is noticed: session, goroutines and descriptors are freed within 2 s (silent:
// ping interval + timeout + 2 s), and HandleDisconnect has run once.
func TestField_X01_LeaveWithFullInbox(t *testing.T) {
	const interval, timeout = 500 * time.Millisecond, time.Second
	onEach(t, func(t *testing.T, k kind) {
		for _, end := range []struct {
			name   string
			leave  func(*client)
			within time.Duration
		}{
			{"FIN", func(c *client) { c.Abort() }, 2 * time.Second},
			{"RST", func(c *client) { c.Reset() }, 2 * time.Second},
			{"silence", func(*client) {}, interval + timeout + 2*time.Second},
		} {
			t.Run(end.name, func(t *testing.T) {
				limits := websockets.Limits{}
				if end.name == "silence" {
					limits.PingInterval, limits.PingTimeout = interval, timeout
				}
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
				if end.name != "silence" { // otherwise it is too late for some
					s.Wait("every client is connected", func() bool { return s.Connects() == n+1 })
				}
				for _, c := range all {
					end.leave(c)
				}
				first.close(t)
				if end.name == "silence" { // the clients' ends of the connections are files too
					started := time.Now()
					s.Wait("every client has left", func() bool { return len(s.Reasons()) > n })
					if took := time.Since(started); took > end.within {
						t.Errorf("the last client left after %v, want within %v", took, end.within)
					}
					for _, c := range all {
						c.Abort()
					}
				}
				took := wantBack(t, s, before, end.within)
				s.WantGone(n + 1)
				t.Logf("%d clients, back after %v", n, took.Round(time.Millisecond))
			})
		}
	})
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
		wantBack(t, s, before, 2*time.Second)
		s.WantGone(1)
	})
}

// TestField_X01_BusyClientStays: A client whose inbox is always full and that is alive stays connected, however long
// it sends, and so does one that waits for a single slow handler and answers pings.
func TestField_X01_BusyClientStays(t *testing.T) {
	const interval, timeout = 200 * time.Millisecond, 300 * time.Millisecond
	for _, k := range kinds() {
		if k.name == "polling" {
			continue // it sends one POST at a time, see TestField_X01_SlowPost
		}
		t.Run(k.name, func(t *testing.T) {
			release := make(chan struct{})
			s := k.stage(t, stage.Limits(websockets.Limits{PingInterval: interval, PingTimeout: timeout, CloseTimeout: timeout}), slow(release))
			c := k.open(t, s.Addr)
			go answerPings(c, k)
			over := make(chan struct{})
			go func() { // TCP holds it back
				messages := repeat(k.text("pause", "1"), 50)
				for c.send(messages...) == nil {
				}
				close(over)
			}()
			wait(4 * (interval + timeout))
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
			wait(4 * (interval + timeout))
			if r := s.Reasons(); len(r) > 1 {
				t.Errorf("the client of a slow handler was closed: %v", r)
			}
			close(release)
			c.Abort()
			s.WantGone(2)
		})
	}
}

// TestField_X01_SlowPost: A client over polling that polls stays connected while its POST waits for a slow handler,
// beyond ping interval + timeout.
func TestField_X01_SlowPost(t *testing.T) {
	const interval, timeout = 200 * time.Millisecond, 300 * time.Millisecond
	k := kinds()[5]
	release := make(chan struct{})
	s := k.stage(t, stage.Limits(websockets.Limits{PingInterval: interval, PingTimeout: timeout, CloseTimeout: timeout}), slow(release))
	p := rawpeer.NewEngine(t, s.Addr).Poll()
	rawpeer.Enter(t, p, "/", "")
	post := rawpeer.Dial(t, s.Addr)
	body := k.text("block", "1")
	for range 300 {
		body += "\x1e" + k.text("pause", "1")
	}
	post.Write(rawpeer.Post(p.Query("polling", p.SID), body))
	s.Wait("the slow handler runs", func() bool { return blocked(s) })
	for until := time.Now().Add(4 * (interval + timeout)); time.Now().Before(until); {
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
