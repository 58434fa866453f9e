package sessions_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The codes of Engine.IO, https://socket.io/docs/v4/server-api/#event-connection_error
const (
	codeTransport = 0
	codeSession   = 1
	codeMethod    = 2
	codeRequest   = 3
	codeForbidden = 4
	codeVersion   = 5
)

// anyCode matches any code in an answer.
const anyCode = -1

// wantRefused checks an answer: its status, and the code in its JSON.
func wantRefused(t *testing.T, what string, a rawpeer.Answer, status, code int) {
	t.Helper()
	if a.Status != status || code != anyCode && !strings.Contains(a.Body, `"code":`+strconv.Itoa(code)+",") {
		t.Errorf("%s: %d %.200s, want %d with the code %d", what, a.Status, a.Body, status, code)
	}
}

// ask sends a GET with any query, as polling and as a WebSocket handshake.
func ask(e *rawpeer.Engine, query string) (polling, upgrade rawpeer.Answer) {
	target := e.Target + "?" + query
	return e.Do(rawpeer.Request(http.MethodGet, target, e.Lines...) + "\r\n"), e.Do(rawpeer.Upgrade(target, e.Lines...))
}

// TestCVE_2023_31125_V13_TransportOfAnyName: A handshake with a transport named after a member of JavaScript objects,
// with none, or with two is refused with 400, and the server stays alive.
func TestCVE_2023_31125_V13_TransportOfAnyName(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		e := h.Engine(t)
		for _, transport := range []string{
			"toString", "constructor", "__proto__", "hasOwnProperty", "valueOf", "", "%00", "websocket%00", "Polling",
			url.QueryEscape(strings.Repeat("é", 1000)),
		} {
			polling, upgrade := ask(e, "EIO=4&transport="+transport)
			wantRefused(t, "GET "+transport, polling, http.StatusBadRequest, codeTransport)
			wantRefused(t, "upgrade "+transport, upgrade, http.StatusBadRequest, codeTransport)
		}
		for _, twice := range []string{"transport=polling&transport=websocket", "transport=websocket&transport=polling", "transport=polling&transport=polling"} {
			polling, upgrade := ask(e, "EIO=4&"+twice)
			wantRefused(t, "GET "+twice, polling, http.StatusBadRequest, codeRequest)
			wantRefused(t, "upgrade "+twice, upgrade, http.StatusBadRequest, codeRequest)
		}
		h.Alone(t)
	})
}

// TestFault_F35_UnknownTransport: A handshake for a transport that the server does not offer, or without one, is
// refused with 400 and the code 0, over HTTP and as an upgrade.
func TestFault_F35_UnknownTransport(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		for _, query := range []string{"EIO=4&transport=foo", "EIO=4", "EIO=4&transport=webtransport", "EIO=4&transport=flashsocket"} {
			polling, upgrade := ask(h.Engine(t), query)
			wantRefused(t, "GET "+query, polling, http.StatusBadRequest, codeTransport)
			wantRefused(t, "upgrade "+query, upgrade, http.StatusBadRequest, codeTransport)
		}
		e := h.Engine(t)
		wantRefused(t, "a GET for a websocket", e.Do(rawpeer.Request(http.MethodGet, e.Query("websocket", ""))+"\r\n"), http.StatusBadRequest, codeRequest)
		wantRefused(t, "an upgrade to polling", e.Do(rawpeer.Upgrade(e.Query("polling", ""))), http.StatusBadRequest, codeRequest)
		h.Alone(t)
	})
}

// TestFault_F34_OtherVersions: A handshake of Engine.IO 2, 3 or 5, or without a version, is refused with 400 and the
// code 5; a WebSocket is refused in the same way before the upgrade, where the reference accepts and closes it.
func TestFault_F34_OtherVersions(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		for _, version := range []string{"EIO=2&", "EIO=3&", "EIO=5&", "", "EIO=&", "EIO=4.0&", "EIO=%204&", "eio=4&"} {
			polling, _ := ask(h.Engine(t), version+"transport=polling")
			wantRefused(t, "GET "+version, polling, http.StatusBadRequest, codeVersion)
			_, upgrade := ask(h.Engine(t), version+"transport=websocket")
			wantRefused(t, "upgrade "+version, upgrade, http.StatusBadRequest, codeVersion)
		}
		polling, _ := ask(h.Engine(t), "EIO=4&EIO=3&transport=polling")
		wantRefused(t, "two versions", polling, http.StatusBadRequest, codeRequest)
		h.Alone(t)
	})
}

// TestFault_V15_SessionOfAnyName: A request whose session id is a member of JavaScript objects, not ASCII or 64 KB
// long is refused with 400 and the code 1, the long one with 414, because the query has its own limit.
func TestFault_V15_SessionOfAnyName(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		e := h.Engine(t)
		for sid, status := range map[string]int{
			"__proto__": 400, "constructor": 400, "toString": 400, "%00": 400, "..%2F..": 400, "%C3%A9%F0%9F%94%91": 400, "%FF%FE": 400,
			strings.Repeat("A", 8000): 400, strings.Repeat("A", 64<<10): 414,
		} {
			code := codeSession
			if status == 414 {
				code = codeRequest
			}
			what := fmt.Sprintf("sid %.20s (%d bytes)", sid, len(sid))
			wantRefused(t, what, e.Do(rawpeer.Request(http.MethodGet, e.Query("polling", sid))+"\r\n"), status, code)
			wantRefused(t, what, e.Do(rawpeer.Post(e.Query("polling", sid), "3")), status, code)
			wantRefused(t, what, e.Do(rawpeer.Upgrade(e.Query("websocket", sid))), status, code)
		}
		h.Alone(t)
	})
}

// TestFault_V15_EmptySession: An empty session id counts as none: a GET with it is a handshake, as with the
// reference, and a POST with it is refused with 400.
func TestFault_V15_EmptySession(t *testing.T) {
	h := harness.New(t, socketIO())
	e := h.Engine(t)
	a := e.Do(rawpeer.Request(http.MethodGet, e.Target+"?EIO=4&transport=polling&sid=") + "\r\n")
	if a.Status != http.StatusOK || a.Get("sid") == "" {
		t.Fatalf("GET: %d %s", a.Status, a.Body)
	}
	wantRefused(t, "POST", e.Do(rawpeer.Post(e.Target+"?EIO=4&transport=polling&sid=", "40")), http.StatusBadRequest, codeMethod)
	s := &rawpeer.Poller{Engine: e, SID: a.Get("sid")}
	s.Send("1")
}

// TestFault_F36_UnknownSession: A GET, a POST or an upgrade for a session that does not exist, or has ended, is
// answered with 400 and the code 1.
func TestFault_F36_UnknownSession(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		old := h.Enter(t)
		old.Send("1")
		h.WantLeft(t, websockets.CauseTransportClose)
		for what, sid := range map[string]string{"never there": strings.Repeat("A", len(old.SID)), "ended": old.SID} {
			s := &rawpeer.Poller{Engine: h.Engine(t), SID: sid}
			wantRefused(t, what+", GET", s.Get(), http.StatusBadRequest, codeSession)
			wantRefused(t, what+", POST", s.Post("3"), http.StatusBadRequest, codeSession)
			wantRefused(t, what+", upgrade", s.Do(rawpeer.Upgrade(s.Query("websocket", sid))), http.StatusBadRequest, codeSession)
		}
		h.Alone(t)
	})
}

// TestFault_F48_WrongNode: A session that a balancer without stickiness sends to another process is answered there
// with 400 and the code 1, stays open at its own process, and its client can open a new session at the other.
func TestFault_F48_WrongNode(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		here, there := harness.New(t, adapter), harness.New(t, adapter)
		s := here.Enter(t)
		stray := &rawpeer.Poller{Engine: there.Engine(t), SID: s.SID}
		for range 3 {
			wantRefused(t, "GET", stray.Get(), http.StatusBadRequest, codeSession)
			wantRefused(t, "POST", stray.Post(`42["echo",1]`), http.StatusBadRequest, codeSession)
			wantRefused(t, "upgrade", stray.Do(rawpeer.Upgrade(stray.Query("websocket", s.SID))), http.StatusBadRequest, codeSession)
		}
		rawpeer.Echo(t, s, "at home")
		again := there.Enter(t) // as socket.io-client does after an answer other than 200
		rawpeer.Echo(t, again, "moved")
		again.Send("1")
		s.Send("1")
	})
}

// TestFault_V17_ChangedBetweenRequests: A session whose later requests or upgrade name another version, transport or
// session is refused with 400, and continues over polling unaffected.
func TestFault_V17_ChangedBetweenRequests(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		upgrade := func(query string) rawpeer.Answer { return s.Do(rawpeer.Upgrade(s.Target + "?" + query)) }
		for _, eio := range []string{"3", "5", ""} {
			wantRefused(t, "upgrade with EIO="+eio, upgrade("EIO="+eio+"&transport=websocket&sid="+s.SID), http.StatusBadRequest, codeVersion)
			wantRefused(t, "POST with EIO="+eio, s.Do(rawpeer.Post(s.Target+"?EIO="+eio+"&transport=polling&sid="+s.SID, "1")), http.StatusBadRequest, codeVersion)
		}
		wantRefused(t, "upgrade to polling", upgrade("EIO=4&transport=polling&sid="+s.SID), http.StatusBadRequest, codeRequest)
		wantRefused(t, "upgrade to webtransport", upgrade("EIO=4&transport=webtransport&sid="+s.SID), http.StatusBadRequest, codeTransport)
		wantRefused(t, "websocket without upgrade", s.Do(rawpeer.Request(http.MethodGet, s.Query("websocket", s.SID))+"\r\n"), http.StatusBadRequest, codeRequest)
		wantRefused(t, "POST to websocket", s.Do(rawpeer.Post(s.Query("websocket", s.SID), "1")), http.StatusBadRequest, codeRequest)
		wantRefused(t, "upgrade of another session", upgrade("EIO=4&transport=websocket&sid="+s.SID+"A"), http.StatusBadRequest, codeSession)
		wantRefused(t, "upgrade of two sessions", upgrade("EIO=4&transport=websocket&sid="+s.SID+"&sid=A"), http.StatusBadRequest, codeRequest)
		rawpeer.Echo(t, s, "unchanged")
		w := s.Upgrade()
		rawpeer.Echo(t, w, "changed as it should")
		w.Abort()
		h.WantLeft(t, websockets.CauseTransportClose, websockets.CauseTransportError)
	})
}
