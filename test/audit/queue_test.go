package audit_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestAudit_BackPressureThenLeave: A client that sends many questions and reads nothing, so that it has a full inbox
// behind a full send queue, and then leaves by FIN, is noticed before SendStall.
func TestAudit_BackPressureThenLeave(t *testing.T) {
	if !long { // it takes long, and a busy machine makes it late
		return
	}
	big := strings.Repeat("x", 32<<10)
	some(t, func(t *testing.T, k kind) {
		s := k.stage(t, quiet, stage.Gateway(websockets.DropAfterClose()), stage.Handle(websockets.On("big", func(context.Context, int) (string, error) { return big, nil })))
		c := k.open(t, s.Addr)
		_ = c.send(repeat(k.request("big", 1, "1"), 800)...)
		wait(300 * time.Millisecond)
		c.Abort()
		if k.polls() {
			c.poller.Abort()
		}
		gone(t, s, 1, 9*time.Second)
	})
}

// TestAudit_StuckReader: A client that sends many questions and reads nothing is closed after SendStall (polling:
// ping interval + timeout), on every platform.
func TestAudit_StuckReader(t *testing.T) {
	if !long { // it takes long, and a busy machine makes it late
		return
	}
	big := strings.Repeat("x", 64<<10)
	some(t, func(t *testing.T, k kind) {
		s := k.stage(t, quiet, stage.Limits(websockets.Limits{SendStall: time.Second, PingInterval: 500 * time.Millisecond, PingTimeout: time.Second, CloseTimeout: 300 * time.Millisecond}),
			stage.Handle(websockets.On("big", func(context.Context, int) (string, error) { return big, nil })))
		c := k.open(t, s.Addr)
		_ = c.send(repeat(k.request("big", 1, "1"), 300)...)
		gone(t, s, 1, 25*time.Second)
	})
}

// TestAudit_SmallSendQueue: With a send queue, and a SendQueueMax, smaller than one message, a client that reads gets
// every answer.
func TestAudit_SmallSendQueue(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if strings.Contains(k.name, "compressed") {
			return // the test's client cannot inflate
		}
		s := k.stage(t, quiet, stage.Limits(websockets.Limits{SendQueue: 100, SendQueueMax: 100}))
		c := k.open(t, s.Addr)
		for i := range 20 {
			text := strings.Repeat("x", 100_000+i)
			if k.plain() {
				rawpeer.EchoWS(t, c.Peer, text)
			} else {
				rawpeer.Echo(t, c.wire, text)
			}
		}
		if r := s.Reasons(); len(r) > 0 {
			t.Errorf("the client was closed: %v", r)
		}
		leaveAfter(c)
	})
}

// TestAudit_LargeEvent: One event of 9 MiB, more than SendQueueMax, reaches a client that reads (not on zishang's
// polling).
func TestAudit_LargeEvent(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if strings.Contains(k.name, "compressed") || k.name == "zishang polling" {
			return // the test's client cannot inflate; between two polls zishang's queue counts as used
		}
		// A busy machine needs so long for the event that a heartbeat, which the client does not answer meanwhile, would be late.
		s := k.stage(t, quiet, stage.Limits(websockets.Limits{PingInterval: time.Hour, PingTimeout: time.Hour}))
		c := k.open(t, s.Addr)
		s.Wait("the client is connected", func() bool { return s.Connects() == 1 })
		text := strings.Repeat("y", 9<<20)
		if err := s.Server.Emit(t.Context(), "large", text); err != nil {
			t.Fatal(err)
		}
		var got string
		if k.plain() {
			got = c.Text()
		} else {
			got = c.wire.Read()
		}
		if len(got) < len(text) {
			t.Errorf("got %d bytes", len(got))
		}
		if r := s.Reasons(); len(r) > 0 {
			t.Errorf("the client was closed: %v", r)
		}
		leaveAfter(c)
	})
}

// slowConn reads n bytes in each 10 ms.
type slowConn struct {
	net.Conn

	n int
}

func (c slowConn) Read(p []byte) (int, error) {
	wait(10 * time.Millisecond)
	return c.Conn.Read(p[:min(len(p), c.n)])
}

// TestAudit_SlowReaderStays: A client that reads 5 to 10 KB a second, with more than SendQueue queued, stays
// connected until it has read everything, also longer than SendStall.
func TestAudit_SlowReaderStays(t *testing.T) {
	if !long { // it takes long, and a busy machine makes it late
		return
	}
	// With more the kernel would acknowledge in larger steps: over loopback a segment has 64 KiB.
	const receive = 4 << 10
	d, stall, rate := 8*time.Second, 5*time.Second, 100
	if long {
		d, stall, rate = 30*time.Second, 10*time.Second, 50
	}
	for _, k := range kinds() {
		if k.name != "ws" && k.name != "socketio" && k.name != "zishang" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := k.stage(t, quiet, stage.Limits(websockets.Limits{SendStall: stall, SendQueue: 64 << 10}))
			open := openWS(rawpeer.WithReceiveBuffer(receive))
			if !k.plain() {
				open = openSocketIO(rawpeer.WithReceiveBuffer(receive))
			}
			c := open(t, s.Addr)
			s.Wait("the client is connected", func() bool { return s.Connects() == 1 })
			c.R = bufio.NewReaderSize(slowConn{c.Conn, rate}, 16)
			for range 100 {
				_ = s.Server.Emit(t.Context(), "event", strings.Repeat("x", 60_000))
			}
			_ = c.Conn.SetReadDeadline(time.Now().Add(2 * d))
			until := time.Now().Add(d)
			for time.Now().Before(until) {
				if _, err := c.R.ReadByte(); err != nil {
					t.Fatalf("the slow client was cut: %v, %v", err, s.Reasons())
				}
			}
			if r := s.Reasons(); len(r) > 0 {
				t.Errorf("the slow client was closed: %v", r)
			}
		})
	}
}

// TestAudit_BroadcastStorm: Many droppable broadcasts to clients of which half read nothing: those that read stay
// connected and get the last of them, the others are not closed within SendStall, and hold no more than their queues.
func TestAudit_BroadcastStorm(t *testing.T) {
	if !long { // it takes long, and a busy machine makes it late
		return
	}
	n, most := 4, 300
	if long {
		n, most = 100, 1000
	}
	for _, overflow := range []websockets.Overflow{websockets.OverflowDropNewest, websockets.OverflowDropOldest} {
		for _, k := range kinds() {
			if k.tls || k.polls() || strings.Contains(k.name, "compressed") {
				continue
			}
			t.Run(fmt.Sprint(k.name, "/", overflow), func(t *testing.T) {
				s := k.stage(t, quiet)
				var healthy sync.WaitGroup
				var cut atomic.Int32
				for range n {
					k.open(t, s.Addr) // reads nothing
					c := k.open(t, s.Addr)
					healthy.Go(func() {
						for {
							f, err := c.Next()
							if err != nil {
								cut.Add(1)
								return
							}
							if strings.Contains(f.Payload, "the end") {
								return
							}
						}
					})
				}
				s.Wait("all are connected", func() bool { return s.Connects() == 2*n })
				before := heap()
				text := strings.Repeat("x", 10_000)
				for range most {
					if err := s.Server.Emit(t.Context(), "storm", text, websockets.WithOverflow(overflow)); err != nil && !errors.Is(err, websockets.ErrQueueFull) {
						t.Fatal(err)
					}
				}
				held := heap() - before
				if limit := n*4*bound + n*fixed; held > limit {
					t.Errorf("%d KiB are held, at most %d", held>>10, limit>>10)
				}
				_ = s.Server.Emit(t.Context(), "storm", "the end")
				healthy.Wait()
				if cut.Load() > 0 || len(s.Reasons()) > 0 {
					t.Errorf("%d of the clients that read were cut; %v", cut.Load(), s.Reasons())
				}
			})
		}
	}
}

// TestAudit_FrozenWithUnreadAnswers: A client with a full inbox and unread answers on the wire, with no write
// blocked, that then does nothing more, is closed shortly after ping interval + timeout.
func TestAudit_FrozenWithUnreadAnswers(t *testing.T) {
	for _, k := range kinds() {
		if k.polls() || k.tls || strings.Contains(k.name, "upgraded") {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := k.stage(t, waiting(), quiet, stage.Limits(beating))
			open := openWS(rawpeer.WithReceiveBuffer(2 << 10))
			if !k.plain() {
				open = openSocketIO(rawpeer.WithReceiveBuffer(2 << 10))
			}
			c := open(t, s.Addr)
			s.Wait("the client is connected", func() bool { return s.Connects() == 1 })
			_ = s.Server.Emit(t.Context(), "event", strings.Repeat("x", 20_000))
			_ = c.send(repeat(k.text("wait", "1"), 1500)...)
			gone(t, s, 1, noticed)
		})
	}
}
