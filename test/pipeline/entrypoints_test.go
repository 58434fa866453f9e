package pipeline_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// TestEntryPoints tries every entry point with the guard bound in every scope: with a client
// that the guard rejects, and with one that it accepts, which proves that the entry point
// works.
func TestEntryPoints(t *testing.T) {
	node, managers := nodetest.Start(t), startManagers(t)
	for _, where := range []scope{application, owner, handler, elsewhere} {
		t.Run(string(where), func(t *testing.T) {
			h := newTestApp(t, where)
			entryPoints := slices.Concat(routes(), connections(), messages())
			if where == handler { // a handler's guard does not run for connections
				entryPoints = slices.Concat(routes(), messages())
			}
			for i, w := range entryPoints {
				v := &attempt{t: t, h: h, node: node, managers: managers, row: fmt.Sprintf("%d-denied", i), denies: map[string]string{"deny": w.deny}}
				if got := w.try(v); got != w.denied {
					t.Errorf("%s, denied: the client receives\n%s, want\n%s", w.name, got, w.denied)
				}
				v = &attempt{t: t, h: h, node: node, managers: managers, row: fmt.Sprintf("%d-served", i)}
				if got := w.try(v); got != w.served {
					t.Errorf("%s, served: the client receives\n%s, want\n%s", w.name, got, w.served)
				}
			}
			h.stop() // afterwards nothing runs
			for i, w := range entryPoints {
				if got := strings.Join(h.steps(fmt.Sprintf("%d-denied", i)), " "); got != w.wantDenied() {
					t.Errorf("%s, denied: ran %q, want %q", w.name, got, w.wantDenied())
				}
				if got := strings.Join(h.steps(fmt.Sprintf("%d-served", i)), " "); got != w.done {
					t.Errorf("%s, served: ran %q, want %q", w.name, got, w.done)
				}
			}
		})
	}
}

// wantDenied returns what runs for a rejected client: nothing, or the hooks of a connection
// that was accepted before.
func (w entryPoint) wantDenied() string {
	if w.deny == "message" || strings.Contains(w.deny, " /second") {
		return "connected left"
	}
	return ""
}

// TestRejectionHeaders checks HTTP responses: the status, its header fields, and a JSON body.
func TestRejectionHeaders(t *testing.T) {
	h := newTestApp(t, application)
	const (
		unauthorized = `{"status":"error","message":"Unauthorized","code":"unauthorized"}`
		forbidden    = `{"status":"error","message":"Forbidden resource","code":"forbidden"}`
		tooMany      = `{"status":"error","message":"Too many requests","code":"rate_limited","details":{"retryAfter":7}}`
	)
	for _, status := range []struct{ code, text, header, value, body, request string }{
		{"401", "Unauthorized", "WWW-Authenticate", `Bearer realm="test"`, unauthorized, `"message":"Unauthorized","error":"Unauthorized","code":"unauthorized"`},
		{"403", "Forbidden resource", "WWW-Authenticate", "", forbidden, `"message":"Forbidden resource","error":"Forbidden","code":"forbidden"`},
		{"429", "Too many requests", "Retry-After", "7", tooMany, `"message":"Too many requests","error":"Too Many Requests","code":"rate_limited","details":{"retryAfter":7}`},
	} {
		request := fmt.Sprintf(`%s {"statusCode":%[1]s,%s}`, status.code, status.request)
		engine := fmt.Sprintf(`%s {"code":4,"message":%q,"data":%s}`, status.code, status.text, status.body)
		for _, w := range []struct{ name, deny, target, want string }{
			{"a route", "http", "/api/plain?", request},
			{"plain WebSocket, the request", "handshake", "/plain?", request},
			{"plain WebSocket, the client", "connect", "/plain?", request},
			{"polling", "handshake", main + "?EIO=4&transport=polling&", engine},
			{"Socket.IO over websocket", "handshake", main + "?EIO=4&transport=websocket&", engine},
		} {
			v := &attempt{t: t, h: h, row: w.name + " " + status.code, denies: map[string]string{"deny": w.deny, "status": status.code}}
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
		t.Errorf("%s: ran %q", row, done)
	}
}

// TestHandshakeOfManyNamespaces sends the handshake of a server with several namespaces,
// whose namespace is not known yet: the guard runs if it is the application's, and not if it
// is one gateway's.
func TestHandshakeOfManyNamespaces(t *testing.T) {
	for where, want := range map[scope]string{application: deniedEngine, elsewhere: deniedEngine, owner: "in"} {
		h := newTestApp(t, where)
		v := &attempt{t: t, h: h, row: "the request", denies: map[string]string{"deny": "handshake"}}
		compare(t, string(where), v.poll(main), want)
		h.stop()
		if want == "in" {
			h.ran(t, v.row, "connected left")
		} else {
			h.ran(t, v.row, "")
		}
	}
}

// TestUpgradeIsNotGuarded upgrades a session with a request that the guard would reject. It
// opens no connection, so no guard runs; for messages the guard runs with the request that
// opened the session.
func TestUpgradeIsNotGuarded(t *testing.T) {
	for _, where := range []scope{application, owner} {
		h := newTestApp(t, where)
		before := &attempt{t: t, h: h, row: "the session", denies: map[string]string{"deny": "message"}}
		sid, rejected := before.open("/alone/")
		if rejected != "" {
			t.Fatal(rejected)
		}
		probe := &attempt{t: t, h: h, row: "the probe", denies: map[string]string{"deny": "handshake"}}
		p, rejected := probe.dial(h.url, probe.engine("/alone/", webSocket, "sid", sid))
		if p == nil {
			t.Fatal(rejected)
		}
		p.write("2probe")
		compare(t, "the probe", p.read(), "3probe")
		p.write("5")
		p.write("40")
		if got := p.read(); !strings.HasPrefix(got, "40{") {
			t.Errorf("the connect is answered %s", got)
		}
		compare(t, "the hook", p.read(), `42["hello",false]`)
		p.write(`427["on",1]`)
		compare(t, "the message", p.read(), "437["+deniedMessage("on", "1")+"]")
		p.cut()
		h.stop()
		h.ran(t, "the session", "connected left")
		h.ran(t, "the probe", "")
	}
}

// TestRecoveryIsGuarded reconnects a client: the guard runs again, unless SkipAdmit is set.
// For its messages it runs in both cases.
func TestRecoveryIsGuarded(t *testing.T) {
	rows := []struct{ path, deny, want, done string }{
		{"/back/", "", "40", "connected left"},
		{"/back/", "connect", deniedEntryPacket, ""},
		{"/back/", "message", "40", "connected left"},
		{"/skip/", "connect", "40", "connected left"},
		{"/skip/", "message", "40", "connected left"},
	}
	for _, where := range []scope{application, owner, elsewhere} {
		h := newTestApp(t, where)
		for i, tt := range rows {
			v := &attempt{t: t, h: h, row: fmt.Sprintf("%d-before", i)}
			p, entered := v.join(tt.path, "")
			var was struct{ SID, PID string }
			var hello []any
			v.fails(json.Unmarshal([]byte(strings.TrimPrefix(entered, "40")), &was))
			v.fails(json.Unmarshal([]byte(strings.TrimPrefix(p.read(), "42")), &hello))
			p.write(`427["on",1]`) // a client that disconnects before its hook returns cannot recover
			compare(t, "the message before", p.read(), "437[1]")
			p.cut()

			v = &attempt{t: t, h: h, row: fmt.Sprintf("%d-after", i), denies: map[string]string{"deny": tt.deny}}
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
				t.Errorf("%s, %s denies %q: recovered as %s, %s; before it was %+v", where, tt.path, tt.deny, got, hello, was)
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
			if got := strings.Join(h.steps(fmt.Sprintf("%d-after", i)), " "); got != tt.done {
				t.Errorf("%s, %s denies %q: ran %q, want %q", where, tt.path, tt.deny, got, tt.done)
			}
		}
	}
}
