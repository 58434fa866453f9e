package wire_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// ending is a way in which the server ends a session.
type ending struct {
	name   string
	limits websockets.Limits
	end    func(t *testing.T, s *stage.Stage, p *rawpeer.Poller)
	// moot: Engine.IO itself has failed. A poll that waits gets the close packet, and a later one finds no session, as
	// the test suite of the protocol expects.
	moot bool
}

func posting(body string) func(*testing.T, *stage.Stage, *rawpeer.Poller) {
	return func(_ *testing.T, _ *stage.Stage, p *rawpeer.Poller) { p.Post(body) }
}

// packets returns a body with the packet n times.
func packets(n int, packet string) string {
	return strings.TrimSuffix(strings.Repeat(packet+"\x1e", n), "\x1e")
}

var endings = []ending{
	{"Client.Close", websockets.Limits{}, posting(`42["close"]`), false},
	{"Client.Disconnect", websockets.Limits{}, posting(`42["kick"]`), false},
	{"Client.DisconnectAll", websockets.Limits{}, posting(`42["kick all"]`), false},
	{"Local.Disconnect", websockets.Limits{}, func(_ *testing.T, s *stage.Stage, _ *rawpeer.Poller) { s.Server.Local().Disconnect() }, false},
	{"in no namespace", websockets.Limits{}, posting("41"), false},
	{"refused CONNECT packets", websockets.Limits{}, posting(packets(5, "40/unknown,")), false},
	{"too many errors", websockets.Limits{}, posting(packets(60, `42["list",{}]`)), false},
	{"a packet that does not parse", websockets.Limits{}, posting("42x"), false},
	{"CONNECT twice", websockets.Limits{}, posting("40"), false},
	{"an unknown packet type", websockets.Limits{}, posting("9"), true},
	{"no base64", websockets.Limits{}, posting("b*"), true},
	{"a body over the limit", websockets.Limits{MaxMessage: 10_000}, posting(`42["echo","` + strings.Repeat("x", 20_000) + `"]`), false},
	{"two POSTs at once", websockets.Limits{}, func(t *testing.T, _ *stage.Stage, p *rawpeer.Poller) {
		p.Start(rawpeer.Request(http.MethodPost, p.Query("polling", p.SID), "Content-Length: 100") + "\r\n4")
		testkit.Eventually(t, "the overlap", func() bool { return p.Post("3").Status != http.StatusOK })
	}, true},
	{"no pong", websockets.Limits{PingInterval: 200 * time.Millisecond, PingTimeout: 2 * time.Second}, func(*testing.T, *stage.Stage, *rawpeer.Poller) {}, true},
	{"queue overflow", websockets.Limits{SendQueue: 1000, SendQueueMax: 5000}, posting(`42["flood"]`), false},
}

// TestField_X73_EveryEnd: However the server closes a polling session, the poll that waits, or else the next one, gets
// the close packet, once, and not "Session ID unknown"; after a ping timeout or a breach of Engine.IO only the one that
// waits, as on npm's server.
func TestField_X73_EveryEnd(t *testing.T) {
	const soon = time.Second
	for _, w := range ways.With(socketio.Options{ConnectTimeout: soon}, zishang.Options{ConnectTimeout: soon}) {
		if !w.Polling {
			continue
		}
		t.Run(strings.TrimSuffix(w.Name, " polling"), func(t *testing.T) {
			for _, e := range endings {
				t.Run(e.name, func(t *testing.T) {
					t.Parallel()
					everyPoll(t, w, e)
				})
			}
		})
	}
}

func everyPoll(t *testing.T, w ways.Way, e ending) {
	e.limits.CloseTimeout = 300 * time.Millisecond
	me := websockets.ClientFrom
	s := stage.New(t, w.Adapter(), stage.Limits(e.limits), stage.Handle(
		websockets.Listen("close", func(ctx context.Context, _ struct{}) error { me(ctx).Close(4000, "enough"); return nil }),
		websockets.Listen("kick", func(ctx context.Context, _ struct{}) error { me(ctx).Disconnect(); return nil }),
		websockets.Listen("kick all", func(ctx context.Context, _ struct{}) error { me(ctx).DisconnectAll(); return nil }),
		websockets.Listen("list", func(context.Context, []int) error { return nil }),
		websockets.Listen("flood", func(ctx context.Context, _ struct{}) error {
			var err error
			for err == nil {
				err = me(ctx).Emit(ctx, "more", strings.Repeat("x", 1000))
			}
			return nil
		}),
	))
	for _, poll := range []string{"waits", "is the next", "comes after the end"} {
		p := entered(t, s)
		var a rawpeer.Answer
		unknown := func() bool {
			return a.Status == http.StatusBadRequest && strings.Contains(a.Body, `"code":1,"message":"Session ID unknown"`)
		}
		switch poll {
		case "waits":
			x := p.Start(p.GetBytes())
			e.end(t, s, p)
			a = x.Answer()
			for tries := 0; e.moot && unknown() && tries < 20; tries++ { // on its own connection the poll may arrive after the end
				p = entered(t, s)
				x = p.Start(p.GetBytes())
				<-time.After(10 * time.Millisecond)
				e.end(t, s, p)
				a = x.Answer()
			}
		case "is the next":
			e.end(t, s, p)
			a = p.Get()
		case "comes after the end":
			e.end(t, s, p)
			testkit.Eventually(t, "the end", func() bool { return p.Post("6").Status == http.StatusBadRequest })
			a = p.Get()
		}
		if e.moot && poll != "waits" && unknown() {
			continue
		}
		for !closes(a) {
			if a.Status != http.StatusOK {
				t.Fatalf("the poll that %s: answered %d %q", poll, a.Status, a.Body)
			}
			a = p.Get()
		}
		if e.moot && poll == "comes after the end" && !strings.Contains(w.Name, "zishang") { // its library reports some of these as ends of its own
			t.Errorf("the poll that %s: answered with the close packet", poll)
		}
		if a = p.Get(); !unknown() {
			t.Errorf("the poll that %s, and another one: answered %d %q", poll, a.Status, a.Body)
		}
	}
}

// entered opens a session in the main namespace. On a busy machine the first one may end before it has entered.
func entered(t *testing.T, s *stage.Stage) (p *rawpeer.Poller) {
	t.Helper()
	var a rawpeer.Answer
	s.Wait("a client has entered", func() bool {
		p = rawpeer.NewEngine(t, s.Addr).Poll()
		if p.Post("40").Status != http.StatusOK {
			return false
		}
		a = p.Get()
		return a.Status == http.StatusOK && strings.HasPrefix(a.Body, "40{")
	})
	testkit.Within(time.Second, func() bool { // with zishang the client is connected before the server counts it
		for c := range s.Server.Local().Clients() {
			if strings.Contains(a.Body, c.ID()) {
				return true
			}
		}
		return false
	})
	return p
}

// closes reports whether a poll was answered with the close packet.
func closes(a rawpeer.Answer) bool {
	return a.Status == http.StatusOK && (a.Body == "1" || strings.HasSuffix(a.Body, "\x1e1"))
}

// TestField_X73_OnlyItsPoll: Only a poll gets the close packet of a session that has ended, with the headers of CORS and
// no cookie: no other request takes it away, whether of another method or version, an upgrade, of a foreign page, or with
// a similar id.
func TestField_X73_OnlyItsPoll(t *testing.T) {
	const page = "Origin: https://app.example"
	cookie := &http.Cookie{Name: "sid"}
	for _, w := range ways.With(socketio.Options{Cookie: cookie}, zishang.Options{Cookie: cookie}) {
		if !w.Polling {
			continue
		}
		t.Run(strings.TrimSuffix(w.Name, " polling"), func(t *testing.T) {
			s := w.Stage(t, stage.Gateway(websockets.Origins("https://app.example")))
			e := rawpeer.NewEngine(t, s.Addr)
			e.Lines = []string{page}
			p := e.Poll()
			rawpeer.Enter(t, p, "/", "")
			s.Wait("it is connected", func() bool { return s.Server.Local().Len() == 1 }) // with zishang the client is connected before the server counts it
			for c := range s.Server.Local().Clients() {
				c.DisconnectAll()
			}
			testkit.Eventually(t, "the end", func() bool { return p.Post("6").Status == http.StatusBadRequest })
			target := e.Query("polling", p.SID)
			for name, tt := range map[string]struct {
				raw    string
				status int
			}{
				"HEAD":           {rawpeer.Request(http.MethodHead, target, page) + "\r\n", http.StatusMethodNotAllowed},
				"OPTIONS":        {rawpeer.Request(http.MethodOptions, target, page) + "\r\n", http.StatusNoContent},
				"POST":           {rawpeer.Post(target, "6", page), http.StatusBadRequest},
				"PUT":            {rawpeer.Request(http.MethodPut, target, page) + "\r\n", http.StatusMethodNotAllowed},
				"another page":   {rawpeer.Request(http.MethodGet, target, "Origin: https://other.example") + "\r\n", http.StatusForbidden},
				"EIO 3":          {rawpeer.Request(http.MethodGet, strings.Replace(target, "EIO=4", "EIO=3", 1), page) + "\r\n", http.StatusBadRequest},
				"an upgrade":     {rawpeer.Upgrade(e.Query("websocket", p.SID), page), http.StatusBadRequest},
				"a part of it":   {rawpeer.Request(http.MethodGet, e.Query("polling", p.SID[1:]), page) + "\r\n", http.StatusBadRequest},
				"in lower case":  {rawpeer.Request(http.MethodGet, e.Query("polling", strings.ToLower(p.SID)), page) + "\r\n", http.StatusBadRequest},
				"twice the name": {rawpeer.Request(http.MethodGet, target+"&sid="+p.SID, page) + "\r\n", http.StatusBadRequest},
			} {
				x := e.Start(tt.raw)
				if name == "HEAD" { // its answer has no body, whatever its length says
					x.HalfClose()
				}
				if a, err := x.TryAnswer(); err != nil && name != "HEAD" || a.Status != tt.status {
					t.Errorf("%s: answered %d %q, %v", name, a.Status, a.Body, err)
				}
				x.Close()
			}
			a := p.Get()
			if !closes(a) || a.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || a.Header.Get("Set-Cookie") != "" ||
				a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("the poll is answered %d %q with %v", a.Status, a.Body, a.Header)
			}
			if a := p.Get(); a.Status != http.StatusBadRequest {
				t.Errorf("the next poll is answered %d %q", a.Status, a.Body)
			}
		})
	}
}
