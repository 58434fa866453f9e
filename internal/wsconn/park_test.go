//go:build linux

package wsconn

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// atOnce parks a connection whenever its client has sent nothing more.
func atOnce(c *Config) { c.Limits.IdleAfter = 1 }

// bySweeper parks it soon, by way of the sweeper.
func bySweeper(c *Config) {
	c.Limits.IdleAfter = parkAtOnce
	c.Group = NewGroup("test", time.Millisecond)
}

// connectIdle opens a connection that is served and parked.
func connectIdle(t *testing.T, change ...func(*Config)) *pair {
	t.Helper()
	var group *Group
	p := connect(t, func(c *Config) {
		atOnce(c)
		for _, f := range change {
			f(c)
		}
		group = c.Group
	})
	group.Add(p.conn)
	p.serve()
	t.Cleanup(func() { group.Remove(p.conn) }) // before the end of the connection
	p.awaitParked()
	return p
}

func (p *pair) awaitParked() {
	p.t.Helper()
	testkit.Eventually(p.t, "a parked connection", p.conn.Parked)
}

func (p *pair) received(want string) {
	p.t.Helper()
	if got := testkit.Receive(p.t, "a message", p.owner.messages); got != want {
		p.t.Fatalf("got %.60q, want %.60q", got, want)
	}
}

func (p *pair) wantEnd(cause websockets.Cause) {
	p.t.Helper()
	if r := testkit.Receive(p.t, "the end", p.owner.ended); r.Cause != cause {
		p.t.Errorf("ended by %q, want %q", r, cause)
	}
}

// send writes bytes as the client.
func (p *pair) send(b []byte) {
	p.t.Helper()
	if _, err := p.Conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) text(s string) { p.send(rawFrame(0x80|opText, []byte(s))) }

// A parked connection receives what arrives, however it arrives, and is parked again.
func TestParkedConnectionReceives(t *testing.T) {
	for name, how := range map[string]func(*Config){"at once": atOnce, "by the sweeper": bySweeper} {
		t.Run(name, func(t *testing.T) {
			p := connectIdle(t, how)
			for i := range 200 {
				want := fmt.Sprint(i)
				frame := rawFrame(0x80|opText, []byte(want))
				if i%3 == 0 { // a frame in two pieces: it must not be parked between them
					p.send(frame[:3])
					p.send(frame[3:])
				} else {
					p.send(frame)
				}
				p.received(want)
				if i%20 == 0 {
					p.awaitParked()
				}
			}
		})
	}
}

// A connection with the first part of a message has a reader, which checks how long it takes.
func TestPartOfMessageIsNotParked(t *testing.T) {
	p := connectIdle(t, func(c *Config) {
		c.Group = NewGroup("test", time.Millisecond)
		c.MessageTimeout = 50 * time.Millisecond
	})
	p.send(rawFrame(opText, []byte("never complete")))
	p.wantEnd(websockets.CauseParseError)
}

// rarely parks a connection before its first message, since many wait for theirs, and then only after an hour.
func rarely(c *Config) {
	c.ParkUnread, c.Limits.IdleAfter = true, time.Hour
	c.Group.unread.Store(mostUnread)
}

// A connection is parked until its first message. Then it has a reader, until it has waited.
func TestUnreadConnectionIsParked(t *testing.T) {
	p := connectIdle(t, rarely)
	parked := &p.conn.cfg.Group.reclaim.parked
	for i := range 3 {
		p.text(fmt.Sprint(i))
		p.received(fmt.Sprint(i))
	}
	if n := parked.Load(); n != 1 { // when the third is received, the second is done
		t.Errorf("parked %d times", n)
	}
}

// While few connections wait for their first message, they do so with a reader, whatever ends that.
func TestFewUnreadHaveReaders(t *testing.T) {
	for name, c := range map[string]struct {
		first func(*pair)
		left  int32
	}{
		"message": {func(p *pair) {
			p.text("first")
			p.received("first")
		}, 0},
		"end":    {func(p *pair) { _ = p.Conn.Close() }, 0},
		"native": {func(p *pair) { p.conn.Native() }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := connect(t, func(c *Config) { c.ParkUnread, c.Limits.IdleAfter = true, time.Hour })
			group := p.conn.cfg.Group
			group.Add(p.conn)
			t.Cleanup(func() {
				group.Remove(p.conn)
				testkit.Eventually(t, "none that waits after the end", func() bool { return group.unread.Load() == 0 })
			})
			p.serve()
			if p.conn.Parked() || group.unread.Load() != 1 {
				t.Fatalf("parked: %t; %d wait", p.conn.Parked(), group.unread.Load())
			}
			c.first(p)
			testkit.Eventually(t, "the count", func() bool { return group.unread.Load() == c.left })
		})
	}
}

// What came with the handshake is read.
func TestReadAheadIsNotParked(t *testing.T) {
	p := connect(t, rarely)
	p.conn.cfg.Group.Add(p.conn)
	t.Cleanup(func() { p.conn.cfg.Group.Remove(p.conn) })
	p.conn.framed.ahead = rawFrame(0x80|opText, []byte("early"))
	p.serve()
	p.received("early")
}

// A message after a long time starts a reader, which parks the connection when the message is handled; the next one does not.
func TestRareMessageParksAgain(t *testing.T) {
	p := connectIdle(t, rarely)
	group := p.conn.cfg.Group
	p.conn.park.quietSince.Store(group.Clock.Now() - int64(2*time.Hour))
	p.text("rare")
	p.received("rare")
	testkit.Eventually(t, "the connection parked again", func() bool { return group.reclaim.parked.Load() == 2 })
	for i := range 3 {
		p.text(fmt.Sprint(i))
		p.received(fmt.Sprint(i))
	}
	if n := group.reclaim.parked.Load(); n != 2 {
		t.Errorf("parked %d times", n)
	}
}

// A connection counts for the return of memory when the sweeper has parked it, not when it was parked before it has waited.
func TestParkedCountsForReclaim(t *testing.T) {
	once := func(p *pair) int64 {
		p.text("hello")
		p.received("hello")
		p.awaitParked()
		return p.conn.cfg.Group.reclaim.parked.Load()
	}
	swept := connectIdle(t, bySweeper)
	testkit.Eventually(t, "parked by the sweeper", func() bool { return once(swept) > 0 })
	if n := once(connectIdle(t)); n != 0 {
		t.Errorf("parked at once, it was counted %d times", n)
	}
}

func TestParkedConnectionSends(t *testing.T) {
	p := connectIdle(t)
	for i := range 100 {
		p.push(message(fmt.Sprint(i)))
		p.want(0x80|opText, fmt.Sprint(i))
	}
	if !p.conn.Parked() {
		t.Error("sending has started a reader")
	}
}

func TestParkedConnectionEnds(t *testing.T) {
	reason := websockets.Reason{Cause: websockets.CauseServerDisconnect}
	for name, c := range map[string]struct {
		end  func(*pair)
		want websockets.Cause
	}{
		"FIN": {func(p *pair) { _ = p.Conn.Close() }, websockets.CauseTransportClose},
		"RST": {func(p *pair) {
			_ = p.Conn.(*net.TCPConn).SetLinger(0)
			_ = p.Conn.Close()
		}, websockets.CauseTransportError},
		"close frame":      {func(p *pair) { p.send(rawFrame(0x80|rfc6455.OpClose, []byte{3, 232})) }, websockets.CauseClientDisconnect},
		"graceful":         {func(p *pair) { p.conn.Close(reason, CloseGraceful) }, websockets.CauseServerDisconnect},
		"handshake":        {func(p *pair) { p.conn.Close(reason, CloseHandshake) }, websockets.CauseServerDisconnect},
		"abort":            {func(p *pair) { p.conn.Abort() }, websockets.CauseForcedClose},
		"failed write":     {func(p *pair) { p.conn.writeFailed() }, websockets.CauseTransportError},
		"closed by others": {func(p *pair) { _ = p.conn.framed.Conn.Close() }, websockets.CauseForcedClose},
	} {
		t.Run(name, func(t *testing.T) {
			p := connectIdle(t, func(c *Config) {
				c.Group = NewGroup("test", time.Millisecond)
				c.Limits.CloseTimeout = 50 * time.Millisecond
			})
			c.end(p)
			p.wantEnd(c.want)
		})
	}
}

// A close of the server waits for the close frame of a client that is parked, as for any.
func TestParkedConnectionAnswersClose(t *testing.T) {
	p := connectIdle(t)
	p.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect}, CloseGraceful)
	first, payload, err := p.next()
	if err != nil || first != 0x80|rfc6455.OpClose {
		t.Fatal(first, err)
	}
	p.send(rawFrame(0x80|rfc6455.OpClose, []byte(payload)))
	p.wantEnd(websockets.CauseServerDisconnect)
}

// Pings are sent to a parked client. Their answers start a reader, which parks it again; without
// one, it ends.
func TestHeartbeatOfParkedConnection(t *testing.T) {
	p := connectIdle(t, bySweeper, func(c *Config) {
		c.Heartbeat = true
		c.Limits.PingInterval, c.Limits.PingTimeout = 20*time.Millisecond, 10*time.Second
	})
	for range 5 {
		p.want(0x80|opPing, "")
		p.awaitParked()
		p.send(rawFrame(0x80|opPong, nil))
	}
	quiet := p.conn.park.quietSince.Load()
	p.want(0x80|opPing, "")
	p.awaitParked()
	if p.conn.park.quietSince.Load() != quiet {
		t.Error("a heartbeat counts as traffic")
	}

	silent := connectIdle(t, bySweeper, func(c *Config) {
		c.Heartbeat = true
		c.Limits.PingInterval, c.Limits.PingTimeout = 20*time.Millisecond, 20*time.Millisecond
	})
	silent.wantEnd(websockets.CausePingTimeout)
}

// The library's connection of a parked one reads.
func TestNativeOfParkedConnection(t *testing.T) {
	p := connectIdle(t)
	if p.conn.Native() == nil {
		t.Fatal("no native connection")
	}
	p.text("hello")
	p.received("hello")
	if p.conn.Parked() {
		t.Error("a connection that the library reads is parked")
	}
}

// Whatever ends a connection meets it while it is parked, or woken: each ends once, and no reader
// is left. The descriptors of closed ones are those of the next at once.
func TestParkingAgainstEnds(t *testing.T) {
	for n := range 40 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			parkAndEnd(t, n)
		})
	}
}

func parkAndEnd(t *testing.T, n int) {
	var group *Group
	p := connect(t, func(c *Config) {
		bySweeper(c)
		if n%2 == 0 {
			atOnce(c)
		}
		c.Limits.CloseTimeout = 20 * time.Millisecond
		group = c.Group
	})
	group.Add(p.conn)
	done := make(chan struct{})
	p.conn.Serve(p.owner, func() {
		group.Remove(p.conn)
		close(done)
	})
	p.text("first")
	if testkit.Receive(t, "a message", p.owner.messages) != "first" {
		t.Error("another message")
	}
	var ends sync.WaitGroup
	ends.Go(func() { _, _ = p.Conn.Write(rawFrame(0x80|opText, []byte("last"))) })
	switch n % 5 {
	case 0:
		ends.Go(func() { p.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect}, CloseGraceful) })
	case 1:
		ends.Go(func() { _ = p.Conn.Close() })
	case 2:
		ends.Go(p.conn.Abort)
	case 3:
		ends.Go(p.conn.writeFailed)
		ends.Go(func() { p.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect}, CloseHandshake) })
	case 4:
		ends.Go(func() { p.conn.Native() })
		ends.Go(p.conn.Abort)
	}
	ends.Wait()
	testkit.Receive(t, "the end", p.owner.ended)
	testkit.Receive(t, "the end of reader and writer", done)
	if n := len(p.owner.ended); n > 0 {
		t.Errorf("it has ended %d times", n+1)
	}
}

// One poller wakes each of many connections for what is its own; test/churn counts the goroutines.
func TestManyParkedConnections(t *testing.T) {
	const conns = 200
	group := NewGroup("test", time.Minute)
	var pairs []*pair
	for range conns {
		p := connect(t, func(c *Config) {
			atOnce(c)
			c.Group = group
		})
		group.Add(p.conn)
		p.serve()
		pairs = append(pairs, p)
	}
	for _, p := range pairs {
		p.awaitParked()
	}
	for i, p := range pairs { // in any order, and not one for another
		p.text(fmt.Sprint(i))
	}
	for i, p := range pairs {
		p.received(fmt.Sprint(i))
	}
	for _, p := range pairs {
		group.Remove(p.conn)
	}
}
