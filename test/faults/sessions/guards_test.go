package sessions_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// recordingGuard is a guard for handshakes and namespaces. It refuses clients that ask for it in the query or the auth
// payload, and records its calls.
type recordingGuard struct {
	mu     sync.Mutex
	asked  map[string]int // by kind and transport
	banned bool
}

func newRecordingGuard() *recordingGuard { return &recordingGuard{asked: map[string]int{}} }

var errBanned = &pipeline.Error{Message: "You are banned", Code: "banned", Status: http.StatusForbidden}

func (p *recordingGuard) Check(_ context.Context, c *pipeline.Call) error { return p.look(c) }

// CheckHandshake runs before a session exists.
func (p *recordingGuard) CheckHandshake(_ context.Context, c *pipeline.Call) error { return p.look(c) }

func (p *recordingGuard) look(c *pipeline.Call) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[string(c.Kind)+" "+c.Request.URL.Query().Get("transport")]++
	if c.Kind == pipeline.KindHandshake && c.Request.URL.Query().Has("villain") || c.Kind == pipeline.KindConnect && p.banned {
		return errBanned
	}
	return nil
}

func (p *recordingGuard) ban(b bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.banned = b
}

func (p *recordingGuard) take() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = map[string]int{}
	return asked
}

// TestFault_V16_EveryTransportIsGuarded: Every way to open a session runs the same guards once, an upgrade runs none
// again, WebTransport is not offered, and a refused client gets the same status over polling and WebSocket.
func TestFault_V16_EveryTransportIsGuarded(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		guard := newRecordingGuard()
		h := harness.NewWith(t, adapter, []app.Option{app.UseGuards(guard)})
		e := h.Engine(t)
		want := func(what string, kinds map[string]int) {
			t.Helper()
			got := guard.take()
			for kind, n := range kinds {
				if got[kind] != n {
					t.Errorf("%s: asked %v, want %v", what, got, kinds)
				}
				delete(got, kind)
			}
			if len(got) > 0 {
				t.Errorf("%s: asked %v more", what, got)
			}
		}
		handshake, connect := string(pipeline.KindHandshake), string(pipeline.KindConnect)
		guard.take() // of the second client

		w := e.WebSocket()
		want("websocket", map[string]int{handshake + " websocket": 1})
		rawpeer.Enter(t, w, "/", "")
		want("websocket, CONNECT", map[string]int{connect + " websocket": 1})
		w.Abort()
		s := e.Poll()
		want("polling", map[string]int{handshake + " polling": 1})
		rawpeer.Enter(t, s, "/", "")
		want("polling, CONNECT", map[string]int{connect + " polling": 1})
		w = s.Upgrade()
		want("upgrade", nil)
		w.Abort()

		for _, refused := range []string{e.Query("polling", "") + "&villain=1", e.Query("websocket", "") + "&villain=1"} {
			raw := rawpeer.Upgrade(refused)
			if strings.Contains(refused, "polling") {
				raw = rawpeer.Request(http.MethodGet, refused) + "\r\n"
			}
			if a := e.Do(raw); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "You are banned") {
				t.Errorf("%s: %d %s", refused, a.Status, a.Body)
			}
		}
		want("refused", map[string]int{handshake + " polling": 1, handshake + " websocket": 1})
		wantRefused(t, "webtransport", e.Do(rawpeer.Upgrade(e.Query("webtransport", ""))), http.StatusBadRequest, codeTransport)
		want("webtransport", nil)
	})
}

// TestCVE_2020_28481_V21_ForeignOrigins: A page of another origin is refused with 403 unless it is allowed, over
// polling, WebSocket and the upgrade, and also within an existing session, which stays open.
func TestCVE_2020_28481_V21_ForeignOrigins(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		own := h.Enter(t)
		for _, origin := range []string{
			"https://evil.example", "null", "http://example.com.evil.io", "http://example.com:8080", "http://notexample.com", "file://", "example.com",
			"http://user@example.com",
		} {
			e := h.Engine(t)
			e.Lines = []string{"Origin: " + origin}
			foreign := &rawpeer.Poller{Engine: e, SID: own.SID}
			for what, raw := range map[string]string{
				"polling":           rawpeer.Request(http.MethodGet, e.Query("polling", ""), e.Lines...) + "\r\n",
				"websocket":         rawpeer.Upgrade(e.Query("websocket", ""), e.Lines...),
				"upgrade":           rawpeer.Upgrade(e.Query("websocket", own.SID), e.Lines...),
				"poll of a session": foreign.GetBytes(),
				"POST of a session": foreign.PostBytes("1"),
				"preflight":         rawpeer.Request(http.MethodOptions, e.Query("polling", ""), append(e.Lines, "Access-Control-Request-Method: POST")...) + "\r\n",
			} {
				a := e.Do(raw)
				if a.Status != http.StatusForbidden {
					t.Errorf("%s of %s: %d %.100s", what, origin, a.Status, a.Body)
				}
				if allowed := a.Header.Get("Access-Control-Allow-Origin"); allowed != "" {
					t.Errorf("the answer to %s of %s allows %q", what, origin, allowed)
				}
			}
		}
		rawpeer.Echo(t, own, "unharmed")
		own.Lines = []string{"Origin: http://EXAMPLE.com"}
		rawpeer.Echo(t, own, "a page of the own host")
		own.Send("1")
	})
}

// TestCVE_2017_16031_V20_SessionIDs: The ids of sessions, of sockets and of recovery have 128 random bits or more
// each, and all are different.
func TestCVE_2017_16031_V20_SessionIDs(t *testing.T) {
	h := harness.New(t, socketIO(socketio.Options{Recovery: &socketio.Recovery{}}))
	const n = 300
	seen := map[string]bool{}
	const length = 26
	var places [3][length]map[byte]bool // of each kind, the letters at each position
	for range n {
		w := h.Engine(t).WebSocket()
		w.Send("40")
		entered := rawpeer.Answer{Body: w.Read()}
		ids := []string{w.SID, entered.Get("sid"), entered.Get("pid")}
		for kind, id := range ids {
			if len(id) != length { // 5 bits per letter
				t.Fatalf("an id of %d letters: %q", len(id), id)
			}
			if seen[id] {
				t.Fatalf("%q was used twice", id)
			}
			seen[id] = true
			for i := range length {
				if places[kind][i] == nil {
					places[kind][i] = map[byte]bool{}
				}
				places[kind][i][id[i]] = true
			}
		}
		w.Send("41")
		w.Abort()
	}
	for kind, positions := range places {
		for i, letters := range positions { // nearly all 32 of them, by chance
			if len(letters) < 26 {
				t.Errorf("ids of kind %d have %d different letters at position %d, in %d ids: it is not random", kind, len(letters), i, n)
			}
		}
	}
}

// TestFault_V37_BannedMeanwhile: A client that was banned while it was disconnected is refused when it reconnects,
// because guards run again by default, unlike on Node. It recovers once it is allowed again.
func TestFault_V37_BannedMeanwhile(t *testing.T) {
	for _, over := range []string{"polling", "socketio"} {
		t.Run(over, func(t *testing.T) {
			guard := newRecordingGuard()
			h := harness.New(t, socketIO(socketio.Options{Recovery: &socketio.Recovery{
				SameClient: func(websockets.Client, *websockets.Handshake) bool { return true },
			}}), websockets.UseGuards(guard))
			open := func() rawpeer.Wire {
				if over == "polling" {
					return h.Engine(t).Poll()
				}
				return h.Engine(t).WebSocket()
			}
			// visit enters, receives an event and is cut off.
			visit := func(auth string) (sid, pid, offset string) {
				w := open()
				w.Send("40" + auth)
				entered := rawpeer.Answer{Body: w.Read()}
				sid, pid = entered.Get("sid"), entered.Get("pid")
				w.Send(`427["mirror",1]`) // handled once HandleConnection has returned
				if got := w.Read(); got != "437[1]" {
					t.Fatalf("got %s", got)
				}
				if err := h.Server.Emit(t.Context(), "news", "1"); err != nil {
					t.Fatal(err)
				}
				_, rest, _ := strings.Cut(w.Read(), `"1","`)
				offset = strings.TrimSuffix(rest, `"]`)
				if sid == "" || pid == "" || offset == "" {
					t.Fatalf("not recoverable: %s, offset %q", entered.Body, offset)
				}
				w.Abort()
				h.WantLeft(t, websockets.CauseTransportClose, websockets.CauseTransportError)
				return sid, pid, offset
			}
			back := func(pid, offset string) (answer rawpeer.Answer, leave func()) {
				w := open()
				w.Send(`40{"pid":"` + pid + `","offset":"` + offset + `"}`)
				return rawpeer.Answer{Body: w.Read()}, w.Abort
			}
			sid, pid, offset := visit("")
			a, leave := back(pid, offset)
			if a.Get("sid") != sid {
				t.Fatalf("a client that is not banned does not recover: %s", a.Body)
			}
			leave()
			h.Left(t)

			sid, pid, offset = visit("")
			guard.ban(true)
			a, leave = back(pid, offset)
			if !strings.HasPrefix(a.Body, "44{") || !strings.Contains(a.Body, "You are banned") {
				t.Errorf("the banned client gets %s", a.Body)
			}
			leave()
			guard.ban(false)
			a, leave = back(pid, offset)
			if a.Get("sid") != sid {
				t.Errorf("after the ban it is answered %s", a.Body)
			}
			leave()
			h.Left(t)
		})
	}
}

// TestFault_F45_SessionOfAnotherUser: A request with a session's id is accepted as its client's, from another address
// and with another cookie too, as with the reference and documented; the client's request stays that of the
// handshake, and a foreign page is refused nevertheless.
func TestFault_F45_SessionOfAnotherUser(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		e := h.Engine(t)
		e.Lines = []string{"Cookie: user=ada"}
		s := e.Poll()
		rawpeer.Enter(t, s, "/", "")
		rawpeer.Echo(t, s, "ada")

		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		thief := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}}
		do := func(method, body, origin string) (int, string) {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.Addr+s.Query("polling", s.SID), strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Cookie", "user=mallory")
			if origin != "" {
				req.Header.Set("Origin", origin)
			}
			resp, err := thief.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, string(b)
		}
		if status, _ := do(http.MethodPost, `421["echo","mine"]`, "https://evil.example"); status != http.StatusForbidden {
			t.Errorf("a foreign page: %d, want 403", status)
		}
		if status, body := do(http.MethodPost, `421["echo","mine"]`, ""); status != http.StatusOK {
			t.Errorf("POST from another address: %d %s", status, body)
		}
		if status, body := do(http.MethodGet, "", ""); status != http.StatusOK || body != `431["mine"]` {
			t.Errorf("poll from another address: %d %s", status, body)
		}
		for c := range h.Server.Local().Clients() {
			if cookie := c.Request().Header.Get("Cookie"); cookie != "" && cookie != "user=ada" || strings.HasPrefix(c.Request().RemoteAddr, "127.0.0.2") {
				t.Errorf("the client is now %q at %s", cookie, c.Request().RemoteAddr)
			}
		}
		s.Send("1")
	})
}
