package packets_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFault_F49_NoConnect: A connection that enters no namespace is closed after 15 s, over WebSocket and polling,
// even if it answers heartbeats, and so is one that has left its last namespace.
func TestFault_F49_NoConnect(t *testing.T) {
	brief := websockets.WithLimits(websockets.Limits{PingInterval: 6 * time.Second, PingTimeout: 20 * time.Second})
	near := func(t *testing.T, started time.Time) {
		t.Helper()
		if d := time.Since(started); d < 14*time.Second || d > 17*time.Second {
			t.Errorf("closed after %v, want 15 s", d)
		}
	}
	t.Run("socketio", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := harness.NewMemory(t, socketio.New(), brief)
			started := time.Now()
			c := m.Dial("/socket.io/?EIO=4&transport=websocket")
			m.Want(c, "0{")
			m.Want(c, "2")
			m.Write(c, "3")
			m.Want(c, "2")
			m.Write(c, "3")
			m.WantClose(c, 1001)
			near(t, started)
		})
	})
	t.Run("socketio, left", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := harness.NewMemory(t, socketio.New(), brief)
			c := m.Dial("/socket.io/?EIO=4&transport=websocket")
			m.Want(c, "0{")
			m.Write(c, "40")
			m.Want(c, "40{")
			m.Want(c, "2")
			m.Write(c, "3")
			m.Write(c, "41")
			if r := m.Left(); r.Cause != websockets.CauseClientDisconnect {
				t.Errorf("ended with %v", r)
			}
			started := time.Now()
			m.Want(c, "2")
			m.Write(c, "3")
			m.Want(c, "2")
			m.Write(c, "3")
			m.WantClose(c, 1001)
			near(t, started)
		})
	})
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := harness.NewMemory(t, socketio.New(), brief)
			const target = "/socket.io/?EIO=4&transport=polling"
			started := time.Now()
			_, open := m.Do(http.MethodGet, target, "")
			session := target + "&sid=" + rawpeer.Answer{Body: open}.Get("sid")
			for range 2 {
				if _, body := m.Do(http.MethodGet, session, ""); body != "2" {
					t.Errorf("got %q, want a ping", body)
				}
				m.Do(http.MethodPost, session, "3")
			}
			if _, body := m.Do(http.MethodGet, session, ""); body != "1" {
				t.Errorf("got %q, want a close packet", body)
			}
			near(t, started)
			if status, _ := m.Do(http.MethodGet, session, ""); status != http.StatusBadRequest {
				t.Errorf("afterwards: %d", status)
			}
		})
	})
}

// TestFault_F50_UnknownNamespace: A CONNECT to an unknown namespace is answered with CONNECT_ERROR, and the
// connection may enter another one. The fifth consecutive such answer ends the connection, also when thousands are
// requested at once.
func TestFault_F50_UnknownNamespace(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		w := enter(t)
		for range 4 {
			w.Send(`40/unknown,{"token":"x"}`)
			rawpeer.WantPacket(t, w, `44/unknown,{"message":"Invalid namespace"}`)
		}
		rawpeer.Echo(t, w, "unharmed")
		w.Send("40/unknown,")
		rawpeer.WantPacket(t, w, `44/unknown,{"message":"Invalid namespace"}`)
		if s, ok := w.(*rawpeer.Socket); ok {
			s.WantClose(1008)
		}
		h.WantLeft(t, websockets.CauseClientErrors)
	})
	t.Run("before any other", func(t *testing.T) {
		h := harness.New(t, socketio.New())
		w := h.Engine(t).WebSocket()
		w.Send("40/unknown,")
		w.Want(`44/unknown,{"message":"Invalid namespace"}`)
		rawpeer.Enter(t, w, "/", "")
		rawpeer.Echo(t, w, "unharmed")
		w.Send("1")
	})
	t.Run("all at once", func(t *testing.T) {
		h := harness.New(t, socketio.New())
		s := h.Engine(t).Poll()
		all := make([]string, 5000)
		for i := range all {
			all[i] = fmt.Sprintf("40/unknown%d,", i)
		}
		s.Send(strings.Join(all, "\x1e"))
		answers := 0
		for {
			a := s.Get()
			answers += strings.Count(a.Body, "44/unknown")
			if a.Status != http.StatusOK || strings.HasSuffix(a.Body, "1") {
				break
			}
		}
		if answers != 5 {
			t.Errorf("%d answers", answers)
		}
	})
}

// TestFault_F51_ConnectTwice: A second CONNECT to a namespace of the connection ends it, as with the reference; a
// namespace that it has left may be entered again.
func TestFault_F51_ConnectTwice(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		breaks(t, h, enter(t), "40")
		breaks(t, h, enter(t), `40{"token":"another"}`)
		w := enter(t)
		w.Send("41")
		h.WantLeft(t, websockets.CauseClientDisconnect)
		rawpeer.Enter(t, w, "/", "")
		rawpeer.Echo(t, w, "again")
		w.Abort()
		h.Left(t)
		if !h.Own() {
			return // zishang handles the second after the first
		}
		s := h.Engine(t).Poll() // two CONNECTs before the first is answered
		if a := s.Post("40\x1e40"); a.Status != http.StatusBadRequest {
			t.Errorf("at once: %d %.100s", a.Status, a.Body)
		}
	})
}

// TestFault_F52_EventBeforeConnect: An event, an ack or a DISCONNECT before CONNECT, or for a namespace that was not
// entered, ends the connection, and nothing is handled.
func TestFault_F52_EventBeforeConnect(t *testing.T) {
	for _, packets := range []string{`42["noop",1]`, `421["echo",1]`, `431[]`, `41`, `42/other,["noop",1]`, many(1) + "\x1ebAQ=="} {
		h := harness.New(t, socketio.New())
		handled := h.Events()
		w := h.Engine(t).WebSocket()
		put(t, w, strings.Split(packets, "\x1e")...)
		w.WantClose(1002)
		s := h.Engine(t).Poll()
		if put(t, s, packets) {
			t.Errorf("%q was accepted", packets)
		}
		if a := s.Get(); a.Status == http.StatusOK && a.Body != "1" {
			t.Errorf("%q: the session is still open: %q", packets, a.Body)
		}
		if h.Events() != handled {
			t.Errorf("%q was handled", packets)
		}
	}
	t.Run("elsewhere", func(t *testing.T) {
		harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
			if !h.Own() {
				return // zishang drops packets for a namespace that was not entered
			}
			for _, p := range []string{`42/other,["noop",1]`, `43/other,1[]`, `41/other,`} {
				breaks(t, h, enter(t), p)
			}
		})
	})
}
