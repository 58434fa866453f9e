package pipeline_test

import (
	"fmt"
	"strings"

	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// entryPoint is one path to a handler or a hook.
type entryPoint struct {
	name string
	deny string // what the guard rejects: a kind of call, and where
	try  func(v *attempt) string
	// denied and served are what the client receives, done what hooks and handlers did when
	// it was served.
	denied, served string
	done           string
}

const (
	deniedRequest = `403 {"statusCode":403,"message":"Forbidden resource","error":"Forbidden","code":"forbidden"}`
	deniedData    = `{"status":"error","message":"Forbidden resource","code":"forbidden"}`
	deniedEngine  = `403 {"code":4,"message":"Forbidden resource","data":` + deniedData + `}`
	deniedEntry   = "connect_error: Forbidden resource " + deniedData
)

// deniedMessage returns the exception about a message with the payload.
func deniedMessage(event, payload string) string {
	return fmt.Sprintf(`%s,"cause":{"pattern":%q,"data":%s}}`, strings.TrimSuffix(deniedData, "}"), event, payload)
}

func routes() (all []entryPoint) {
	add := func(method, path, body, served, done string) {
		denied := deniedRequest
		if method == "HEAD" {
			denied = "403 "
		}
		all = append(all, entryPoint{method + " " + path, "http", func(v *attempt) string {
			return v.route(method, strings.ReplaceAll(path, "ROW", v.row), body)
		}, denied, served, done})
	}
	add("GET", "/api/plain", "", "200 served", "route")
	add("HEAD", "/api/plain", "", "200 ", "route")
	add("OPTIONS", "/api/options", "", "200 served", "route")
	add("GET", "/api/handle", "", "200 served", "route")
	add("GET", "/api/deep/7", "", "200 served", "route")
	add("POST", "/api/json/7", `{"n":1}`, "201 8", "route")
	all = append(all, entryPoint{"a request that does not fit", "http", func(v *attempt) string {
		got := v.route("POST", "/api/json/x", `{"n":true}`)
		if strings.HasPrefix(got, "400 ") { // it was decoded
			return "400"
		}
		return got
	}, deniedRequest, "400", ""})
	add("GET", "/api/mounted/below", "", "200 served", "route")
	add("DELETE", "/api/mounted", "", "200 served", "route")
	add("GET", "/api/router/inner", "", "200 served", "route")
	add("GET", "/api/router/none", "", `404 {"statusCode":404,"message":"Cannot GET /api/router/none","error":"Not Found"}`, "")
	add("GET", "/api/files/ROW.txt", "", "200 a page", "file")
	add("HEAD", "/api/files/ROW.txt", "", "200 ", "file")

	// Requests without a route get the same answer in any case, and run nothing.
	same := func(method, path, answer string) {
		add(method, path, "", answer, "")
		all[len(all)-1].denied = answer
	}
	same("DELETE", "/api/plain", `405 {"statusCode":405,"message":"Cannot DELETE /api/plain","error":"Method Not Allowed"}`)
	same("OPTIONS", "/api/plain", `405 {"statusCode":405,"message":"Cannot OPTIONS /api/plain","error":"Method Not Allowed"}`)
	same("GET", "/api/none", `404 {"statusCode":404,"message":"Cannot GET /api/none","error":"Not Found"}`)
	const nowhere = `404 {"statusCode":404,"message":"No gateway at this path","error":"Not Found","code":"not_found"}`
	all = append(all, entryPoint{"a route, upgrade request", "http", func(v *attempt) string {
		got, _ := v.send(upgrading(v.request("GET", "/api/plain?"+v.query(), "")))
		return got
	}, nowhere, nowhere, ""})
	return all
}

const (
	polling   = socketio.Polling
	webSocket = socketio.WebSocket
	main      = "/socket.io/"
)

// connections returns the entry points that connect a client.
func connections() []entryPoint {
	hello := `{"event":"hello","data":false}`
	none := `400 {"code":1,"message":"Session ID unknown"}`
	all := []entryPoint{
		{"plain WebSocket, the request", "handshake", plainAt("/plain"), deniedRequest, hello, "connected left"},
		{"plain WebSocket, the client", "connect", plainAt("/plain"), deniedRequest, hello, "connected left"},
		{"one gateway on two platforms, plain WebSocket", "connect", plainAt("/both"), deniedRequest, hello, "connected left"},
		{"a separate port", "connect", func(v *attempt) string {
			return v.plain("http://"+v.h.own.Server.Addr().String(), "/")
		}, deniedRequest, hello, "connected left"},
		{"Socket.IO, the request over polling", "handshake", func(v *attempt) string { return v.poll("/alone/") }, deniedEngine, "in", "connected left"},
		{"Socket.IO, the request over websocket", "handshake", func(v *attempt) string {
			p, answer := v.join("/alone/", "")
			if p == nil {
				return answer
			}
			defer p.cut()
			return p.read()
		}, deniedEngine, `42["hello",false]`, "connected left"},
		{"Socket.IO, an upgrade of no session", "handshake", func(v *attempt) string {
			_, answer := v.dial(v.h.url, v.h.prefix+v.engine("/alone/", webSocket, "sid", "stolen"))
			return answer
		}, none, none, ""},
		{"Socket.IO, an upgrade of a session, and then a namespace", "connect", upgradeFirst, deniedEntryPacket, `40 42["hello",false]`, "connected left"},
		{"second namespace of one connection", "connect /second", secondNamespace, deniedEntry, "in, [1]", "connected connected on left left"},
	}
	for _, transport := range []string{polling, webSocket} {
		for _, at := range []struct{ what, path, namespace string }{
			{"/", main, "/"},
			{"a namespace", main, "/second"},
			{"a dynamic namespace, pattern", main, "/orgs/acme"},
			{"a dynamic namespace, regexp", main, "/room-7"},
			{"a dynamic namespace, function", main, "/tenant-acme"},
			{"one gateway on two platforms, Socket.IO", main, "/both"},
		} {
			all = append(all, entryPoint{at.what + " over " + transport, "connect", func(v *attempt) string {
				return v.enter(at.path, at.namespace, transport)
			}, deniedEntry, "in, [1]", "connected on left"})
		}
	}
	return all
}

const deniedEntryPacket = `44{"message":"Forbidden resource","data":` + deniedData + `}`

func plainAt(path string) func(*attempt) string {
	return func(v *attempt) string { return v.plain(v.h.url, v.h.prefix+path) }
}

// upgradeFirst upgrades a session without a namespace. The upgrade is not a new connection,
// so it runs no guard; the connect that follows does.
func upgradeFirst(v *attempt) string {
	sid, rejected := v.open(main)
	if rejected != "" {
		return rejected
	}
	p, rejected := v.dial(v.h.url, v.h.prefix+v.engine(main, webSocket, "sid", sid))
	if p == nil {
		return rejected
	}
	defer p.cut()
	p.write("2probe")
	if got := p.read(); got != "3probe" {
		return got
	}
	p.write("5")
	p.write("40")
	if got := p.read(); !strings.HasPrefix(got, "40{") {
		return got
	}
	return "40 " + p.read()
}

// secondNamespace connects to "/" and then to another namespace over one connection.
func secondNamespace(v *attempt) string {
	m := openManager(v, v.h.prefix+main, webSocket)
	defer m.close()
	if first := m.enter("first", "/", nil); first.Rejected != nil {
		return "first: " + first.Rejected.Message
	}
	if second := m.enter("second", "/second", nil); second.Rejected != nil {
		return fmt.Sprintf("connect_error: %s %s", second.Rejected.Message, second.Rejected.Data)
	}
	return fmt.Sprintf("in, %s", m.call("second", "on", 1))
}

// messages returns the entry points of connected clients.
func messages() (all []entryPoint) {
	for _, m := range []struct{ event, done, served string }{
		{"on", "on", "1"},
		{"listen", "listen", ""},
		{"background", "background", ""},
		{"stream", "stream", ""},
		{"something else", "fallback", `"something else"`},
	} {
		for _, transport := range []string{polling, webSocket, "plain"} {
			all = append(all, entryPoint{fmt.Sprintf("message %q over %s", m.event, transport), "message", func(v *attempt) string {
				return v.say(transport, m.event, 1)
			}, deniedMessage(m.event, "1"), m.served, fmt.Sprintf("connected %s %[1]s left", m.done)})
		}
	}
	binary := func(transport string) entryPoint {
		return entryPoint{"binary message over " + transport, "message", func(v *attempt) string {
			return v.say(transport, "binary", []byte("hey"))
		}, deniedMessage("binary", `"aGV5"`), "3", "connected binary binary left"}
	}
	return append(all, binary(polling), binary(webSocket), binary("plain"),
		entryPoint{"message in a dynamic namespace", "message", func(v *attempt) string {
			return v.sayIn("/tenant-x", "on")
		}, deniedMessage("on", "1"), "1", "connected on on left"},
		entryPoint{"message after the upgrade from polling", "message", func(v *attempt) string {
			c, rejected := v.socketIO(main, "/", polling, webSocket)
			if c == nil {
				return rejected
			}
			c.AwaitTransport(webSocket)
			return v.message(c, "on", 1)
		}, deniedMessage("on", "1"), "1", "connected on on left"},
	)
}

func (v *attempt) say(transport, event string, payload any) string {
	v.t.Helper()
	if transport == "plain" {
		c := v.node.WS("ws"+strings.TrimPrefix(v.h.url, "http")+v.h.prefix+"/plain?"+v.query(), nil)
		return v.message(c, event, payload)
	}
	c, rejected := v.socketIO(main, "/", transport)
	if c == nil {
		return rejected
	}
	return v.message(c, event, payload)
}

func (v *attempt) sayIn(namespace, event string) string {
	v.t.Helper()
	c, rejected := v.socketIO(main, namespace, webSocket)
	if c == nil {
		return rejected
	}
	return v.message(c, event, 1)
}
