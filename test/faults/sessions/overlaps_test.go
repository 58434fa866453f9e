package sessions_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestFault_F37_TwoPolls: Of two concurrent polls one is answered with 400, the other is ended, and the session is
// closed, as specified by the protocol.
func TestFault_F37_TwoPolls(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		one, two := s.Start(s.GetBytes()), s.Start(s.GetBytes())
		a, b := one.Answer(), two.Answer()
		if a.Status == http.StatusOK {
			a, b = b, a
		}
		wantRefused(t, "the second poll", a, http.StatusBadRequest, codeRequest)
		if b.Status != http.StatusOK || b.Body != "1" {
			t.Errorf("the first poll: %d %.100s, want a close packet", b.Status, b.Body)
		}
		h.WantLeft(t, websockets.CauseTransportError)
		wantGone(t, s)
	})
}

// TestFault_F38_TwoPosts: A second POST while another is in progress is answered with 400, closes the session, and
// ends the first one without waiting for its body.
func TestFault_F38_TwoPosts(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		handled := h.Events()
		first := s.Start(postHead(s, "Content-Length: 12", "Expect: 100-continue"))
		wantContinue(t, first.R)
		first.Write(`42["no`)
		wantRefused(t, "the second POST", s.Post(`42["noop",1]`), http.StatusBadRequest, codeRequest)
		if a := first.Answer(); a.Status != http.StatusBadRequest {
			t.Errorf("the first POST: %d %.100s", a.Status, a.Body)
		}
		h.WantLeft(t, websockets.CauseTransportError)
		wantGone(t, s)
		if h.Events() != handled {
			t.Error("one of them was handled")
		}
	})
}

// wantContinue waits until a server requests a body.
func wantContinue(t *testing.T, r *bufio.Reader) {
	t.Helper()
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := r.ReadString('\n'); err != nil || line != want {
			t.Fatalf("got %q, %v; want 100 Continue", line, err)
		}
	}
}

// TestFault_F39_CancelledPoll: A poll that is aborted closes the session with a transport error, by FIN and by RST.
func TestFault_F39_CancelledPoll(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		for what, cut := range map[string]func(*rawpeer.Peer){"FIN": (*rawpeer.Peer).Close, "RST": (*rawpeer.Peer).Reset} {
			s := h.Enter(t)
			cut(s.Start(s.GetBytes()))
			if got := h.Left(t).Cause; got != websockets.CauseTransportError && got != websockets.CauseTransportClose {
				t.Errorf("%s: ended with %q", what, got)
			}
			wantGone(t, s)
		}
	})
}

// TestFault_V19_PongWithoutPing: Pongs without a ping are ignored, one or a hundred thousand, before CONNECT and
// after it, and the heartbeat continues.
func TestFault_V19_PongWithoutPing(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Engine(t).Poll()
		s.Send("3")
		s.Send("3probe\x1e3\x1e3")
		rawpeer.Enter(t, s, "/", "")
		s.Send(strings.Repeat("3\x1e", 1000) + "3")
		rawpeer.Echo(t, s, "polling")
		s.Send("1")

		w := h.EnterWS(t)
		w.Write(strings.Repeat(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: "3"}.Bytes(), 100_000))
		rawpeer.Echo(t, w, "websocket")
		w.Abort()
	})
}

// TestFault_F42_ProbeTwice: A client that sends two probes gets two answers, as from the reference, and may then
// upgrade.
func TestFault_F42_ProbeTwice(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		w := s.Probe()
		w.Send("2probe")
		w.Want("3probe")
		w.Send("5")
		rawpeer.Echo(t, w, "upgraded")
		w.Abort()
		h.WantLeft(t, websockets.CauseTransportClose, websockets.CauseTransportError)
	})
}

// TestFault_F42_UpgradeBeforeProbe: An upgrade packet without a probe is accepted, as by the reference, and the
// session works afterwards.
func TestFault_F42_UpgradeBeforeProbe(t *testing.T) {
	h := harness.New(t, socketIO())
	s := h.Enter(t)
	w := &rawpeer.Socket{Peer: rawpeer.Open(t, h.Addr, s.Query("websocket", s.SID)), SID: s.SID}
	w.Send("5")
	rawpeer.Echo(t, w, "upgraded")
	w.Abort()
	h.WantLeft(t, websockets.CauseTransportClose, websockets.CauseTransportError)
}

// TestFault_F42_NoProbe: A WebSocket for an upgrade that sends something other than a probe is closed, and the
// session continues over polling and may try again.
func TestFault_F42_NoProbe(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		handled := h.Events()
		for _, text := range []string{`42["noop",1]`, "2", "2probf", "1", "", "3probe", "0{}", "40"} {
			w := rawpeer.Open(t, h.Addr, s.Query("websocket", s.SID))
			w.Send(text)
			w.WantEnd()
			w.Close()
			if h.Events() != handled {
				t.Errorf("%q was handled before the upgrade", text)
			}
		}
		rawpeer.Echo(t, s, "by polling")
		// The server may first have to notice that the previous WebSocket has closed.
		var w *rawpeer.Socket
		if !testkit.Within(testkit.Patience, func() bool {
			w = &rawpeer.Socket{Peer: rawpeer.Open(t, h.Addr, s.Query("websocket", s.SID)), SID: s.SID}
			answer := ""
			if w.TrySend("2probe") == nil {
				answer, _ = w.TryText()
			}
			return answer == "3probe"
		}) {
			t.Fatal("no upgrade any more")
		}
		w.Send("5")
		rawpeer.Echo(t, w, "by websocket")
		w.Abort()
		h.Left(t)
	})
}

// TestFault_F43_PollDuringUpgrade: During an upgrade the pending poll and later ones are answered with noop packets,
// so that nothing is left on polling, and messages sent meanwhile arrive once and in order.
func TestFault_F43_PollDuringUpgrade(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		waiting := s.Start(s.GetBytes())
		w := s.Probe()
		if a := waiting.Answer(); a.Status != http.StatusOK || a.Body != "6" {
			t.Errorf("the poll that waited: %d %.100s, want a noop", a.Status, a.Body)
		}
		if a := s.Get(); a.Status != http.StatusOK || a.Body != "6" {
			t.Errorf("a poll meanwhile: %d %.100s, want a noop", a.Status, a.Body)
		}
		s.Send(`421["echo","by POST"]`) // like a client that still has data to send
		got := s.Read()
		for got == "6" { // until the handler has answered
			got = s.Read()
		}
		if got != `431["by POST"]` {
			t.Errorf("got %.100q, want the answer", got)
		}
		w.Send("5")
		rawpeer.Echo(t, w, "upgraded")
		w.Abort()
		h.Left(t)
	})
}

// TestFault_F44_PollingAfterUpgrade: Polling requests, and another WebSocket, for a session that has upgraded to
// WebSocket are refused, and the session is not affected.
func TestFault_F44_PollingAfterUpgrade(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		w := s.Upgrade()
		rawpeer.Echo(t, w, "upgraded")
		handled := h.Events()
		wantRefused(t, "GET", s.Get(), http.StatusBadRequest, codeRequest)
		wantRefused(t, "POST", s.Post(`42["noop",1]`), http.StatusBadRequest, codeRequest)
		wantRefused(t, "POST of a close packet", s.Post("1"), http.StatusBadRequest, codeRequest)
		second := s.Start(rawpeer.Upgrade(s.Query("websocket", s.SID)))
		if a := second.Answer(); a.Status == http.StatusSwitchingProtocols {
			_ = second.TrySend("2probe")
			_ = second.TrySend("5")
			_ = second.TrySend(`42["noop",1]`)
			second.WantEnd()
		}
		second.Close()
		if h.Events() != handled {
			t.Error("something besides the WebSocket was handled")
		}
		rawpeer.Echo(t, w, "unharmed")
		w.Abort()
		h.WantLeft(t, websockets.CauseTransportClose, websockets.CauseTransportError)
	})
}
