package access_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X14_LimitsOfReentry: A client that leaves its namespace after every few messages and enters it again gets
// no more messages and no more entries than one that stays: rate limits count per connection.
func TestField_X14_LimitsOfReentry(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, stage.Gateway(websockets.UseGuards(ratelimit.Connections(1, 2), ratelimit.Messages(1, 5))))
		started := time.Now()
		l := w.dial(t, s)
		l.Send("40")
		// A busy machine may need longer for the third entry, which a refilled token allows.
		for time.Since(started) < 3*time.Second || s.Connects() < 3 && time.Since(started) < testkit.Patience {
			p, ok := l.ReadTo("40{", "44{")
			if !ok {
				t.Fatalf("the connection was ended (%d %s)", l.Code, l.Text)
			}
			if strings.HasPrefix(p, "44") { // slow enough not to be refused too often
				<-time.After(time.Second)
				l.Send("40")
				continue
			}
			l.Send(`42["noop"]`, `42["noop"]`, `42["noop"]`, `42["noop"]`, `42["noop"]`, `41`)
			l.Send("40")
		}
		s.Wait("the burst was handled", func() bool { return s.Events() >= 5 })
		inTime(t, "messages were handled", s.Events(), 5, started)
		inTime(t, "entries were accepted", s.Connects(), 2, started)
		if s.Connects() < 3 {
			t.Errorf("%d entries were accepted: refilled tokens do not count", s.Connects())
		}
	})
}

// TestField_X14_PasswordGuessing: A client that tries passwords in the auth of its CONNECT packets has as many
// attempts as ratelimit.Connections allows, over one connection or many.
func TestField_X14_PasswordGuessing(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		var guesses atomic.Int32
		password := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
			if c.Kind != pipeline.KindConnect {
				return nil
			}
			guesses.Add(1)
			var auth struct{ Pin string }
			if c.Auth == nil || c.Auth.Decode(&auth) != nil || auth.Pin != "9999" {
				return pipeline.ErrUnauthorized
			}
			return nil
		})
		s := w.Stage(t, stage.Gateway(websockets.UseGuards(ratelimit.Connections(1, 5), password)))
		started := time.Now()
		e := rawpeer.NewEngine(t, s.Addr)
		for pin := 0; pin < 9999 && time.Since(started) < 2*time.Second; {
			transport, open := "websocket", rawpeer.Upgrade(e.Query("websocket", ""))
			if w.Polling {
				transport, open = "polling", rawpeer.Request(http.MethodGet, e.Query("polling", ""))+"\r\n"
			}
			p := rawpeer.Dial(t, s.Addr)
			p.Write(open)
			a := p.Answer()
			if a.Status != http.StatusSwitchingProtocols && a.Status != http.StatusOK {
				p.Close()
				<-time.After(20 * time.Millisecond)
				continue
			}
			l := &line{&ways.Line{T: t, WS: &rawpeer.Socket{Peer: p}}}
			if transport == "polling" {
				p.Close()
				l = &line{&ways.Line{T: t, Poller: &rawpeer.Poller{Engine: e, SID: a.Get("sid")}}}
				l.Do = l.Request
			}
			for ok := true; ok && pin < 9999; pin++ {
				if ok = l.Send(fmt.Sprintf(`40{"pin":"%04d"}`, pin)); ok {
					_, ok = l.ReadTo("44")
				}
			}
		}
		inTime(t, "passwords were tried", int(guesses.Load()), 5, started)
		if guesses.Load() < 5 {
			t.Errorf("%d passwords were tried, 5 are allowed", guesses.Load())
		}
	})
}

// TestField_X14_RefusedInARow: A client that is refused five times in a row is disconnected; a success resets the
// count. Errors of the server do not count.
func TestField_X14_RefusedInARow(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, stage.Gateway(websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
			var auth struct{ Say string }
			_ = h.Auth.Decode(&auth)
			switch auth.Say {
			case "outage":
				return fmt.Errorf("the database is unavailable")
			case "busy":
				return &websockets.Error{Message: "Later", Status: http.StatusServiceUnavailable}
			case "yes":
				return nil
			}
			return pipeline.ErrForbidden
		})))
		l := w.dial(t, s)
		ask := func(say, want string) {
			t.Helper()
			l.Send(`40{"say":"` + say + `"}`)
			l.Want(want)
		}
		for range 4 {
			ask("no", "44")
		}
		ask("yes", "40{")
		l.Send("41")
		for range 10 {
			ask("outage", "44")
			ask("busy", "44")
		}
		for range 5 {
			ask("no", "44")
		}
		l.WantEnd(1008)
		if !w.Polling && l.Text != "too many refused CONNECT packets in a row" {
			t.Errorf("the reason is %q", l.Text)
		}
	})
}

// TestField_X14_ConnectPackets: A client that enters and leaves without end has a burst of CONNECT packets, 20 more
// than MaxNamespaces, then one per second; those beyond are refused, and soon the connection is closed.
func TestField_X14_ConnectPackets(t *testing.T) {
	all := localWays(ways.With(socketio.Options{MaxNamespaces: 3}, zishang.Options{}))
	each(t, all, func(t *testing.T, w way) {
		burst := 3 + 20
		if strings.HasPrefix(w.Name, "zishang") {
			burst = 100 + 20
		}
		s := w.Stage(t)
		started := time.Now()
		l := w.dial(t, s)
		entered := 0
		refused := ""
		for l.Send("40") {
			p, ok := l.ReadTo("40", "44")
			if !ok {
				break
			}
			if strings.HasPrefix(p, "40") {
				entered++
				l.Send("41")
			} else {
				refused = p
			}
		}
		inTime(t, "entries were accepted", entered, burst, started)
		if entered < burst {
			t.Errorf("%d entries were accepted, want %d", entered, burst)
		}
		if !strings.Contains(refused, "Too many CONNECT packets") {
			t.Errorf("refused with %s", refused)
		}
		if !w.Polling && l.Code != 0 && l.Code != 1008 {
			t.Errorf("closed with %d %q", l.Code, l.Text)
		}
		s.WantGone(1)
	})
}

// TestField_X14_KickedAndBack: A client that the server disconnects from its namespace may enter it again, as in
// Socket.IO, but one that does so in a loop is disconnected.
func TestField_X14_KickedAndBack(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, stage.OnConnect(func(_ context.Context, c websockets.Client) error {
			c.Disconnect()
			return nil
		}))
		l := w.dial(t, s)
		for l.Send("40") {
			if _, ok := l.ReadTo("41"); !ok {
				break
			}
		}
		s.WantGone(5)
		if n := s.Connects(); n != 5 {
			t.Errorf("it was connected %d times", n)
		}
	})
}

// TestField_X14_RefusedByHandleConnection: A client that HandleConnection refuses, after it was connected for a
// moment, counts as refused.
func TestField_X14_RefusedByHandleConnection(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, stage.OnConnect(func(context.Context, websockets.Client) error { return pipeline.ErrUnauthorized }))
		l := w.dial(t, s)
		for l.Send("40") {
			if _, ok := l.ReadTo("41"); !ok {
				break
			}
		}
		s.WantGone(5)
		if n := s.Connects(); n != 5 {
			t.Errorf("it was connected %d times", n)
		}
	})
}

// TestField_X14_DisconnectAll: Client.DisconnectAll ends the whole connection: each of its namespaces gets
// DISCONNECT, HandleDisconnect runs for each, and CONNECT is refused on that connection afterwards. On plain
// WebSocket it is the same as Disconnect.
func TestField_X14_DisconnectAll(t *testing.T) {
	out := stage.Handle(websockets.Listen("out", func(ctx context.Context, _ struct{}) error {
		websockets.ClientFrom(ctx).DisconnectAll()
		return nil
	}))
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, stage.Gateway(websockets.Namespace("/{room}")), out)
		l := w.dial(t, s)
		for _, ns := range []string{"/a", "/b", "/c"} {
			l.Send("40" + ns + ",")
			l.Want("40" + ns + ",{")
		}
		l.Send(`42/b,["out"]`)
		seen := map[string]bool{}
		for {
			p, ok := l.Read()
			if !ok {
				break
			}
			seen[strings.TrimSuffix(p, ",")] = true
		}
		for _, ns := range []string{"/a", "/b", "/c"} {
			if !seen["41"+ns] {
				t.Errorf("no DISCONNECT for %s, but %v", ns, seen)
			}
		}
		if l.Send("40/a,") && w.Polling {
			t.Error("the session still exists")
		}
		for _, r := range s.WantGone(3) {
			if r.Cause != websockets.CauseServerDisconnect {
				t.Errorf("the reason is %v", r)
			}
		}
	})
	t.Run("ws", func(t *testing.T) {
		s := stage.New(t, ways.PlainWS(), out)
		p := rawpeer.Open(t, s.Addr, "/")
		p.Send(`{"event":"out"}`)
		p.WantClose(1000)
		if r := s.WantGone(1)[0]; r.Cause != websockets.CauseServerDisconnect {
			t.Errorf("the reason is %v", r)
		}
	})
}
