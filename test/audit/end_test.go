package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestAudit_IdleInboxThenVanish: A client that sends 255 messages, one less than its inbox holds, and then is silent,
// or leaves by RST, is noticed although its handler waits for the context.
func TestAudit_IdleInboxThenVanish(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		for _, end := range []string{"RST", "silence"} {
			s := k.stage(t, quiet, waiting(), stage.Limits(beating))
			c := k.open(t, s.Addr)
			_ = c.send(repeat(k.text("wait", "1"), 255)...)
			s.Wait("it is connected", func() bool { return s.Connects() == 1 })
			if end == "RST" {
				c.Reset()
			}
			gone(t, s, 1, noticed)
		}
	})
}

// TestAudit_LeaveOnOneProcessor: With one processor, clients with full inboxes that leave by FIN are noticed, without a
// heartbeat.
func TestAudit_LeaveOnOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, name := range []string{"ws", "ws compressed stream", "socketio", "zishang"} {
		k := kindOf(name)
		t.Run(name, func(t *testing.T) {
			s := k.stage(t, quiet, waiting())
			const n = 20
			var all []*client
			for range n {
				c := k.open(t, s.Addr)
				_ = c.send(repeat(k.text("wait", "1"), 1500)...)
				all = append(all, c)
			}
			s.Wait("all are connected", func() bool { return s.Connects() == n })
			for _, c := range all {
				c.Abort()
			}
			gone(t, s, n, noticed)
		})
	}
}

// TestAudit_CallWhileItLeaves: A handler that waits for the client's answer when the client closes cleanly gets
// ErrClosed at once, although its own context is still live.
func TestAudit_CallWhileItLeaves(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		result := make(chan error, 1)
		s := k.stage(t, quiet, stage.Handle(websockets.Listen("ask", func(ctx context.Context, _ int) error {
			_, err := websockets.ClientFrom(ctx).Call(ctx, "question", 1)
			result <- err
			return nil
		})))
		c := k.open(t, s.Addr)
		leaveAfter(c, k.text("ask", "1"))
		select {
		case err := <-result:
			if !errors.Is(err, websockets.ErrClosed) {
				t.Errorf("Call returned %v", err)
			}
		case <-time.After(testkit.Patience):
			t.Error("Call has not returned after the client left")
		}
		s.WantGone(1)
	})
}

// TestAudit_DropAfterCloseWithConcurrency: With DropAfterClose and Concurrency(4) no message is started after a clean
// close, and the four that run end with CloseTimeout.
func TestAudit_DropAfterCloseWithConcurrency(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		var started atomic.Int32
		s := k.stage(t, quiet, stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond}), stage.Gateway(websockets.DropAfterClose(), websockets.Concurrency(4)),
			stage.Handle(websockets.Listen("hold", func(ctx context.Context, _ int) error {
				started.Add(1)
				<-ctx.Done()
				return nil
			})))
		c := k.open(t, s.Addr)
		leaveAfter(c, repeat(k.text("hold", "1"), 100)...)
		gone(t, s, 1, noticed)
		if n := started.Load(); n > 4 {
			t.Errorf("%d messages were started", n)
		}
	})
}

// TestAudit_FloodWhileGuardBlocks: A client that floods while a guard handles its CONNECT, and leaves, is removed at
// once: its guard's context ends, no hook runs, nothing is left.
func TestAudit_FloodWhileGuardBlocks(t *testing.T) {
	for _, k := range kinds() {
		if k.plain() || k.polls() || strings.Contains(k.name, "upgraded") {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			asked, ended := make(chan struct{}, 1), make(chan struct{})
			guard := pipeline.Only(pipeline.GuardFunc(func(ctx context.Context, _ *pipeline.Call) error {
				asked <- struct{}{}
				<-ctx.Done()
				close(ended)
				return ctx.Err()
			}), pipeline.KindConnect)
			s := k.stage(t, quiet, stage.Gateway(websockets.UseGuards(guard)))
			e := rawpeer.NewEngine(t, s.Addr)
			var opts []rawpeer.DialOption
			if k.tls {
				opts = append(opts, insecure)
			}
			w := e.WebSocket(opts...)
			w.Send("40")
			<-asked
			var b strings.Builder
			for range 2000 {
				b.WriteString(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: `42["noop",1]`}.Bytes())
			}
			_ = w.TryWrite(b.String())
			w.Abort()
			select {
			case <-ended:
			case <-time.After(noticed * 2 / 3):
				t.Error("the guard's context has not ended after the client left")
			}
			if s.Connects() > 0 {
				t.Error("HandleConnection ran")
			}
		})
	}
}

// TestAudit_LeaveWithRecovery: With recovery, a client with a full inbox that is reset is noticed, without a heartbeat,
// HandleDisconnect runs once, and none of its messages is handled by the client that reconnects.
func TestAudit_LeaveWithRecovery(t *testing.T) {
	k := kindOf("socketio")
	k.adapter = func() adapter.Adapter { return socketio.New(socketio.Options{Recovery: &socketio.Recovery{}}) }
	s := k.stage(t, quiet, waiting())
	w := rawpeer.NewEngine(t, s.Addr).WebSocket()
	w.Send("40")
	got := w.Read()
	_, rest, _ := strings.Cut(got, `"pid":"`)
	pid, _, _ := strings.Cut(rest, `"`)
	_ = s.Server.Emit(t.Context(), "first", 1)
	offset := w.Read()
	if i := strings.LastIndex(offset, `,"`); i >= 0 {
		offset = strings.TrimSuffix(offset[i+2:], `"]`)
	}
	c := framed(w.Peer, w)
	_ = c.send(repeat(k.text("wait", "1"), 1500)...)
	wait(100 * time.Millisecond)
	c.Reset()
	started := time.Now()
	s.Wait("it has left", func() bool { return len(s.Reasons()) == 1 })
	if took := time.Since(started); took > noticed {
		t.Errorf("noticed after %v", took)
	}
	_ = s.Server.Emit(t.Context(), "missed", 2)
	w = rawpeer.NewEngine(t, s.Addr).WebSocket()
	w.Send(`40{"pid":"` + pid + `","offset":"` + offset + `"}`)
	if got := w.Read(); !strings.HasPrefix(got, "40") {
		t.Errorf("reconnecting was answered %.200q", got)
	}
	if got := w.Read(); !strings.Contains(got, "missed") {
		t.Errorf("got %.200q, want what it has missed", got)
	}
	rawpeer.Echo(t, w, "still here")
	w.Abort()
	s.WantGone(2)
}

// TestAudit_StopMeanwhile: An application that stops while clients have full inboxes, do not read, close cleanly, or
// are in HandleConnection, has stopped before a heartbeat would notice anything, and HandleDisconnect has run once for each.
func TestAudit_StopMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, k kind) {
		var n atomic.Int32
		big := strings.Repeat("x", 64<<10)
		s := k.stage(t, quiet, stage.Limits(websockets.Limits{CloseTimeout: 500 * time.Millisecond}),
			stage.OnConnect(func(ctx context.Context, _ websockets.Client) error {
				if n.Add(1) == 4 {
					select {
					case <-ctx.Done():
					case <-time.After(300 * time.Millisecond):
					}
				}
				return nil
			}),
			stage.Handle(
				websockets.Listen("hold", func(ctx context.Context, _ int) error {
					select {
					case <-ctx.Done():
					case <-time.After(500 * time.Millisecond):
					}
					return nil
				}),
				websockets.On("big", func(context.Context, int) (string, error) { return big, nil })))
		full, stuck, leaver := k.open(t, s.Addr), k.open(t, s.Addr), k.open(t, s.Addr)
		_ = full.send(repeat(k.text("hold", "1"), 1500)...)
		_ = stuck.send(repeat(k.request("big", 1, "1"), 400)...)
		last := k.open(t, s.Addr)
		_ = last.send(k.text("noop", "1"))
		s.Wait("all are connected", func() bool { return s.Connects() == 4 })
		leaveAfter(leaver, repeat(k.text("hold", "1"), 20)...)
		started := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
		defer cancel()
		if err := s.App.App().Stop(ctx); err != nil {
			t.Logf("stop: %v", err)
		}
		if took := time.Since(started); took > noticed {
			t.Errorf("the stop took %v", took)
		}
		if got := len(s.WantGone(4)); got != 4 {
			t.Errorf("HandleDisconnect ran %d times for 4 clients", got)
		}
	})
}

// TestAudit_ServerErrorsDoNotCount: Errors of the server, 200 times in a row, by a panic, an unknown error, a guard
// whose database is unavailable or too slow, or a full Background limit, end no connection, and log at most 10 lines
// a second of each cause.
func TestAudit_ServerErrorsDoNotCount(t *testing.T) {
	away := pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return errors.New("no database") })
	late := pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return context.DeadlineExceeded })
	none := func(context.Context, int) error { return nil }
	each(t, func(t *testing.T, k kind) {
		if strings.Contains(k.name, "compressed") {
			return // the test's client cannot inflate
		}
		log := &testkit.Log{}
		s := k.stage(t, stage.App(app.Logger(slog.New(slog.NewTextHandler(log, nil)))), stage.Handle(
			websockets.Listen("panic", func(context.Context, int) error { panic("no") }),
			websockets.Listen("error", func(context.Context, int) error { return errors.New("no") }),
			websockets.Listen("unavailable", none, websockets.UseGuards(away)),
			websockets.Listen("late", none, websockets.UseGuards(late)),
		))
		c := k.open(t, s.Addr)
		var all []string
		for _, event := range []string{"panic", "error", "unavailable", "late"} {
			all = append(all, repeat(k.text(event, "1"), 200)...)
		}
		started := time.Now()
		_ = c.send(append(all, k.request("count", 9, "{}"))...)
		for {
			var got string
			if k.plain() {
				got = c.Text()
			} else {
				got = c.wire.Read()
			}
			if !strings.Contains(got, "exception") {
				break
			}
		}
		seconds := int(time.Since(started)/time.Second) + 2
		if r := s.Reasons(); len(r) > 0 {
			t.Errorf("the client was closed: %v", r)
		}
		if lines := strings.Count(log.String(), "\n"); lines > 20+4*11*seconds {
			t.Errorf("%d lines were logged in %d s", lines, seconds)
		}
		leaveAfter(c)
	})
}

// TestAudit_ClientErrorsAcrossNamespaces: Errors of a client count for its connection, whatever namespaces it enters
// in between, and the log stays short.
func TestAudit_ClientErrorsAcrossNamespaces(t *testing.T) {
	for _, k := range kinds() {
		if k.plain() || k.polls() || k.tls || strings.Contains(k.name, "compressed") {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			log := &testkit.Log{}
			s := k.stage(t, stage.App(app.Logger(slog.New(slog.NewTextHandler(log, nil)))))
			c := k.open(t, s.Addr)
			n := 0
			for n < 200 && c.send(`42["unknown",1]`, `42["unknown",2]`, `42["echo",{}]`, "41", "40") == nil {
				n += 3
				_, err := readTo(c, "40{")
				if err != nil {
					break
				}
			}
			r := s.WantGone(1)
			if last := r[len(r)-1]; n >= 200 {
				t.Errorf("still connected after %d errors: %v", n, last)
			}
			if b := log.String(); strings.Count(b, "\n") > 40 {
				t.Errorf("%d lines were logged", strings.Count(b, "\n"))
			}
		})
	}
}

func readTo(c *client, prefix string) (string, error) {
	for {
		got, err := c.TryText()
		if err != nil || strings.HasPrefix(got, prefix) {
			return got, err
		}
	}
}
