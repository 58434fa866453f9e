package audit_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestAudit_LeaveWithConcurrencyAndFullInbox: With Concurrency(8) and eight handlers that wait for the context, a
// client with a full inbox and half a frame on the wire that leaves by FIN, RST or half-close is noticed, without a
// heartbeat, on every platform.
func TestAudit_LeaveWithConcurrencyAndFullInbox(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		for name, leave := range map[string]func(*client){
			"FIN": func(c *client) { c.Abort() }, "RST": func(c *client) { c.Reset() }, "half-close": func(c *client) { c.HalfClose() },
		} {
			if k.polls() && name == "half-close" {
				continue // its answer can still be read
			}
			t.Run(name, func(t *testing.T) {
				s := k.stage(t, waiting(), stage.Gateway(websockets.Concurrency(8)))
				c := k.open(t, s.Addr)
				_ = c.send(repeat(k.text("wait", "1"), 1500)...)
				if !k.polls() {
					_ = c.TryWrite("\x81\xfe")
				}
				wait(100 * time.Millisecond) // the inbox is full
				leave(c)
				gone(t, s, 1, noticed)
			})
		}
	})
}

// TestAudit_LeaveCleanlyInBackground: Messages that a client sent before it closed cleanly are handled with a live
// context in Background handlers too.
func TestAudit_LeaveCleanlyInBackground(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		var live, ended, started atomic.Int32
		s := k.stage(t, patient, stage.Handle(websockets.Listen("save", func(ctx context.Context, _ int) error {
			started.Add(1)
			select {
			case <-ctx.Done():
				ended.Add(1)
			case <-time.After(100 * time.Millisecond):
				live.Add(1)
			}
			return nil
		}, websockets.Background(10))))
		c := k.open(t, s.Addr)
		leaveAfter(c, repeat(k.text("save", "1"), 10)...)
		s.WantGone(1)
		if live.Load() != 10 {
			t.Errorf("%d of 10 worked, %d found a context that had ended", live.Load(), ended.Load())
		}
	})
}

// leaveAfter sends messages and closes cleanly.
func leaveAfter(c *client, messages ...string) {
	if c.closing == "" {
		_ = c.send(append(messages, "1")...)
		return
	}
	_ = c.send(messages...)
	_ = c.TryWrite(c.closing)
}

// TestAudit_CloseBehindFullInbox: Messages before a close frame, or packet, behind a full inbox are handled with a
// live context, with handlers that take 5 ms.
func TestAudit_CloseBehindFullInbox(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		var live, ended atomic.Int32
		s := k.stage(t, patient, stage.Handle(websockets.Listen("save", func(ctx context.Context, _ int) error {
			select {
			case <-ctx.Done():
				ended.Add(1)
			case <-time.After(5 * time.Millisecond):
				live.Add(1)
			}
			return nil
		})))
		c := k.open(t, s.Addr)
		leaveAfter(c, repeat(k.text("save", "1"), 400)...)
		if r := s.WantGone(1); live.Load() != 400 {
			t.Errorf("%d of 400 worked, %d found a context that had ended; %v", live.Load(), ended.Load(), r)
		}
	})
}

// TestAudit_DisconnectPacketBehindMessages: Messages that a client sent before a DISCONNECT packet are handled with a
// live context.
func TestAudit_DisconnectPacketBehindMessages(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		if k.plain() {
			return
		}
		var live, ended atomic.Int32
		s := k.stage(t, patient, stage.Handle(websockets.Listen("save", func(ctx context.Context, _ int) error {
			select {
			case <-ctx.Done():
				ended.Add(1)
			case <-time.After(5 * time.Millisecond):
				live.Add(1)
			}
			return nil
		})))
		c := k.open(t, s.Addr)
		_ = c.send(append(repeat(k.text("save", "1"), 100), "41")...)
		r := s.WantGone(1)
		if live.Load() != 100 || !r[0].Clean {
			t.Errorf("%d of 100 worked, %d found a context that had ended; %+v", live.Load(), ended.Load(), r[0])
		}
		if k.polls() { // otherwise the stop waits for a poll as long as for messages
			c.Answer()
			c.poller.Send("1")
		}
		c.Abort()
	})
}

// TestAudit_UpgradedWhilePostWaits: A client whose POST waits for its handler, that upgrades meanwhile and then sends
// nothing more, is noticed after ping interval + timeout.
func TestAudit_UpgradedWhilePostWaits(t *testing.T) {
	for _, name := range []string{"socketio polling", "zishang polling"} {
		for _, end := range []string{"silence", "FIN", "silence, POST cut"} {
			t.Run(name+"/"+end, func(t *testing.T) {
				t.Parallel()
				k := kindOf(name)
				s := k.stage(t, waiting(), stage.Limits(beating))
				c := k.open(t, s.Addr)
				_ = c.send(repeat(k.text("wait", "1"), 1500)...)
				wait(50 * time.Millisecond)
				w := c.poller.Probe()
				w.Send("5")
				switch end {
				case "FIN":
					w.Abort()
				case "silence, POST cut":
					c.Abort()
				}
				gone(t, s, 1, noticed)
			})
		}
	}
}

// TestAudit_PostCutOffWhileHandled: A client over polling whose POST was being handled when its connection ended, and
// that keeps polling, stays connected: the POST has arrived completely.
func TestAudit_PostCutOffWhileHandled(t *testing.T) {
	for _, name := range []string{"socketio polling", "zishang polling"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := kindOf(name)
			running, release := make(chan struct{}), make(chan struct{})
			s := k.stage(t, stage.Limits(beating),
				stage.Handle(websockets.Listen("block", func(context.Context, int) error { close(running); <-release; return nil })))
			c := k.open(t, s.Addr)
			_ = c.send(append([]string{k.text("block", "1")}, repeat(k.text("noop", "1"), 260)...)...)
			testkit.Receive(t, "the handler", running)
			wait(50 * time.Millisecond) // the rest of the POST has been taken up
			c.Abort()
			wait(200 * time.Millisecond)
			close(release)
			for until := time.Now().Add(2500 * time.Millisecond); time.Now().Before(until); {
				a := c.poller.Get()
				if a.Body != "2" {
					t.Fatalf("a poll was answered %d %q, want a ping; %v", a.Status, a.Body, s.Reasons())
				}
				c.poller.Send("3")
			}
			c.poller.Send("1")
		})
	}
}
