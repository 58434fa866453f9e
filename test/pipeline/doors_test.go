package pipeline_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// TestDoors tries every way in against the guard, bound in every place: with a
// client that the guard refuses, and with one that it lets in, so that a way that
// leads nowhere would show.
func TestDoors(t *testing.T) {
	node, managers := nodetest.Start(t), startManagers(t)
	for _, where := range []scope{application, owner, handler, elsewhere} {
		t.Run(string(where), func(t *testing.T) {
			h := newHouse(t, where)
			ways := slices.Concat(routes(), connections(), messages())
			if where == handler { // a handler's guard does not see connections
				ways = slices.Concat(routes(), messages())
			}
			for i, w := range ways {
				v := &visit{t: t, h: h, node: node, managers: managers, row: fmt.Sprintf("%d-denied", i), asks: map[string]string{"deny": w.deny}}
				if got := w.try(v); got != w.denied {
					t.Errorf("%s, denied: the client gets\n%s, want\n%s", w.name, got, w.denied)
				}
				v = &visit{t: t, h: h, node: node, managers: managers, row: fmt.Sprintf("%d-served", i)}
				if got := w.try(v); got != w.served {
					t.Errorf("%s, served: the client gets\n%s, want\n%s", w.name, got, w.served)
				}
			}
			h.stop() // after which nothing runs any more
			for i, w := range ways {
				if got := strings.Join(h.of(fmt.Sprintf("%d-denied", i)), " "); got != w.doneDenied() {
					t.Errorf("%s, denied: there ran %q, want %q", w.name, got, w.doneDenied())
				}
				if got := strings.Join(h.of(fmt.Sprintf("%d-served", i)), " "); got != w.done {
					t.Errorf("%s, served: there ran %q, want %q", w.name, got, w.done)
				}
			}
		})
	}
}

// doneDenied is what runs for a client that is refused: nothing, or the hooks of the
// connection over which it was in already.
func (w way) doneDenied() string {
	if w.deny == "message" || strings.Contains(w.deny, " /second") {
		return "connected left"
	}
	return ""
}

// TestDoorHeaders looks at the answers of HTTP: the status, the fields that belong to
// it, and a body in JSON.
func TestDoorHeaders(t *testing.T) {
	h := newHouse(t, application)
	const (
		unauthorized = `{"status":"error","message":"Unauthorized","code":"unauthorized"}`
		forbidden    = `{"status":"error","message":"Forbidden resource","code":"forbidden"}`
		tooMany      = `{"status":"error","message":"Too many requests","code":"rate_limited","details":{"retryAfter":7}}`
	)
	for _, status := range []struct{ code, text, header, value, said, request string }{
		{"401", "Unauthorized", "WWW-Authenticate", `Bearer realm="house"`, unauthorized, `"message":"Unauthorized","error":"Unauthorized","code":"unauthorized"`},
		{"403", "Forbidden resource", "WWW-Authenticate", "", forbidden, `"message":"Forbidden resource","error":"Forbidden","code":"forbidden"`},
		{"429", "Too many requests", "Retry-After", "7", tooMany, `"message":"Too many requests","error":"Too Many Requests","code":"rate_limited","details":{"retryAfter":7}`},
	} {
		request := fmt.Sprintf(`%s {"statusCode":%[1]s,%s}`, status.code, status.request)
		engine := fmt.Sprintf(`%s {"code":4,"message":%q,"data":%s}`, status.code, status.text, status.said)
		for _, w := range []struct{ name, deny, target, want string }{
			{"a route", "http", "/api/plain?", request},
			{"plain WebSocket, the request", "handshake", "/plain?", request},
			{"plain WebSocket, the client", "connect", "/plain?", request},
			{"polling", "handshake", main + "?EIO=4&transport=polling&", engine},
			{"Socket.IO over websocket", "handshake", main + "?EIO=4&transport=websocket&", engine},
		} {
			v := &visit{t: t, h: h, row: w.name + " " + status.code, asks: map[string]string{"deny": w.deny, "status": status.code}}
			r := v.request("GET", w.target+v.query(), "")
			if w.deny != "http" && w.name != "polling" {
				r = upgrading(r)
			}
			got, header := v.send(r)
			if got != w.want || header.Get("Content-Type") != "application/json; charset=utf-8" || header.Get(status.header) != status.value {
				t.Errorf("%s: got %s with %v\nwant %s with %s: %s", v.row, got, header, w.want, status.header, status.value)
			}
		}
	}
	h.stop()
	for row, done := range h.rows {
		t.Errorf("%s: there ran %q", row, done)
	}
}

// TestDoorOfManyNamespaces is about the request that opens a connection to a server
// with several namespaces: whose it will be is not known yet, so the guard is asked
// where it is the application's, and not where it is one gateway's.
func TestDoorOfManyNamespaces(t *testing.T) {
	for where, want := range map[scope]string{application: deniedEngine, elsewhere: deniedEngine, owner: "in"} {
		h := newHouse(t, where)
		v := &visit{t: t, h: h, row: "the request", asks: map[string]string{"deny": "handshake"}}
		told(t, string(where), v.poll(main), want)
		h.stop()
		if want == "in" {
			h.ran(t, v.row, "connected left")
		} else {
			h.ran(t, v.row, "")
		}
	}
}

// TestDoorOfUpgrade changes the transport of a session by a request that the guard
// would refuse. It opens no connection, so nobody is asked; messages are asked about as
// ever, with the request that has opened the session.
func TestDoorOfUpgrade(t *testing.T) {
	for _, where := range []scope{application, owner} {
		h := newHouse(t, where)
		before := &visit{t: t, h: h, row: "the session", asks: map[string]string{"deny": "message"}}
		sid, refused := before.open("/alone/")
		if refused != "" {
			t.Fatal(refused)
		}
		probe := &visit{t: t, h: h, row: "the probe", asks: map[string]string{"deny": "handshake"}}
		p, refused := probe.dial(h.url, probe.engine("/alone/", webSocket, "sid", sid))
		if p == nil {
			t.Fatal(refused)
		}
		p.write("2probe")
		told(t, "the probe", p.read(), "3probe")
		p.write("5")
		p.write("40")
		if got := p.read(); !strings.HasPrefix(got, "40{") {
			t.Errorf("the entry is answered %s", got)
		}
		told(t, "the hook", p.read(), `42["hello",false]`)
		p.write(`427["on",1]`)
		told(t, "the message", p.read(), "437["+deniedMessage("on", "1")+"]")
		p.cut()
		h.stop()
		h.ran(t, "the session", "connected left")
		h.ran(t, "the probe", "")
	}
}

// TestDoorOfRecovery is a client that comes back: the guard is asked about it again,
// unless SkipAdmit says that once is enough. Its messages are asked about either way.
func TestDoorOfRecovery(t *testing.T) {
	rows := []struct{ path, deny, want, done string }{
		{"/back/", "", "40", "connected left"},
		{"/back/", "connect", deniedEntryPacket, ""},
		{"/back/", "message", "40", "connected left"},
		{"/skip/", "connect", "40", "connected left"},
		{"/skip/", "message", "40", "connected left"},
	}
	for _, where := range []scope{application, owner, elsewhere} {
		h := newHouse(t, where)
		for i, tt := range rows {
			v := &visit{t: t, h: h, row: fmt.Sprintf("%d-before", i)}
			p, entered := v.join(tt.path, "")
			var was struct{ SID, PID string }
			var hello []any
			v.fails(json.Unmarshal([]byte(strings.TrimPrefix(entered, "40")), &was))
			v.fails(json.Unmarshal([]byte(strings.TrimPrefix(p.read(), "42")), &hello))
			p.write(`427["on",1]`) // who leaves before its hook has returned does not come back
			told(t, "the message before", p.read(), "437[1]")
			p.cut()

			v = &visit{t: t, h: h, row: fmt.Sprintf("%d-after", i), asks: map[string]string{"deny": tt.deny}}
			p, got := v.join(tt.path, fmt.Sprintf(`{"pid":%q,"offset":%q}`, was.PID, hello[2]))
			if tt.want != "40" {
				if got != tt.want {
					t.Errorf("%s, %s denies %q: %s", where, tt.path, tt.deny, got)
				}
				p.cut()
				continue
			}
			var is struct{ SID, PID string }
			v.fails(json.Unmarshal([]byte(strings.TrimPrefix(got, "40")), &is))
			if hello := p.read(); is != was || !strings.HasPrefix(hello, `42["hello",true,`) {
				t.Errorf("%s, %s denies %q: in as %s, %s; it was %+v", where, tt.path, tt.deny, got, hello, was)
			}
			if tt.deny == "message" {
				p.write(`427["on",1]`)
				if got, want := p.read(), "437["+deniedMessage("on", "1")+"]"; got != want {
					t.Errorf("%s, %s: the message is answered %s, want %s", where, tt.path, got, want)
				}
			}
			p.cut()
		}
		h.stop()
		for i, tt := range rows {
			if got := strings.Join(h.of(fmt.Sprintf("%d-after", i)), " "); got != tt.done {
				t.Errorf("%s, %s denies %q: there ran %q, want %q", where, tt.path, tt.deny, got, tt.done)
			}
		}
	}
}
