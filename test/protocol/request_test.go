package protocol_test

import (
	"fmt"
	"net/http"
	"testing"
)

// TestRequests sends requests that open no session, or that name an unknown one.
func TestRequests(t *testing.T) {
	unknown := []string{"nope", "__proto__", "..%2f..", "%00", ""}
	compareAll(t, newBench(t, calm), []scene{
		{name: "unknown sid, GET", play: func(p *play) {
			for _, sid := range unknown[:4] {
				p.request("GET", "?EIO=4&transport=polling&sid="+sid)
			}
		}},
		{name: "unknown sid, POST", play: func(p *play) {
			for _, sid := range unknown[:4] {
				p.request("POST", "?EIO=4&transport=polling&sid="+sid)
			}
		}},
		{name: "unknown sid, websocket", play: func(p *play) {
			for _, sid := range unknown[:4] {
				p.dial("?EIO=4&transport=websocket&sid=" + sid)
			}
		}},
		{name: "empty sid, GET", play: func(p *play) { p.request("GET", "?EIO=4&transport=polling&sid=") }},
		{name: "empty sid, POST", play: func(p *play) { p.request("POST", "?EIO=4&transport=polling&sid=") }},
		{name: "sid twice", play: func(p *play) {
			p.enter()
			p.request("POST", "?EIO=4&transport=polling&sid=nope&sid="+p.sid)
			p.works()
		}},
		{name: "sid of a closed session", play: func(p *play) {
			p.enter()
			p.post("1")
			p.left()
			p.get()
			p.post("3")
			p.dialSession()
		}},
		{name: "sid of another socket is no sid", play: func(p *play) {
			p.enter()
			p.sid = p.id
			p.get()
		}},
		{name: "versions", play: func(p *play) {
			for _, version := range []string{"", "2", "3", "5", "4.1", "04"} {
				p.request("GET", "?transport=polling&EIO="+version)
			}
		}},
		{name: "versions, websocket", play: func(p *play) {
			for _, version := range []string{"2", "3", "5"} {
				if s := p.dial("?transport=websocket&EIO=" + version); s != nil {
					s.receiveAll()
				}
			}
		}},
		{name: "another version within a session", play: func(p *play) {
			p.enter()
			p.request("POST", "?EIO=3&transport=polling&sid="+p.sid)
			p.works()
		}},
		{name: "transports", play: func(p *play) {
			for _, transport := range []string{"", "Polling", "webtransport", "__proto__", "websocket"} {
				p.request("GET", "?EIO=4&transport="+transport)
			}
		}},
		{name: "transports, websocket", play: func(p *play) {
			for _, transport := range []string{"", "webtransport", "polling"} {
				if s := p.dial("?EIO=4&transport=" + transport); s != nil {
					s.receiveAll()
				}
			}
		}},
		{name: "transport websocket without upgrade, within a session", play: func(p *play) {
			p.enter()
			p.request("GET", "?EIO=4&transport=websocket&sid="+p.sid)
			p.works()
		}},
		{name: "JSONP", play: func(p *play) { p.request("GET", "?EIO=4&transport=polling&j=0") }},
		{name: "base64", play: func(p *play) { p.request("GET", "?EIO=4&transport=polling&b64=1") }},
		{name: "time stamp", play: func(p *play) { p.request("GET", "?EIO=4&transport=polling&t=abc123") }},
		{name: "methods without sid", play: func(p *play) {
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"} {
				p.request(method, "?EIO=4&transport=polling")
			}
		}},
		{name: "methods within a session", play: func(p *play) {
			p.enter()
			for _, method := range []string{"PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} {
				p.notef("%s: %v", method, send(p.t, p.addr, method, p.path("polling"), "").answer())
			}
			p.works()
		}},
		{name: "paths", play: func(p *play) {
			for _, path := range []string{"/socket.io", "/socket.io/", "/socket.io/more", "/socket.iox", "/Socket.io/", "//socket.io/"} {
				a := send(p.t, p.addr, http.MethodGet, path+"?EIO=4&transport=polling", "").answer()
				if a.status != 200 {
					a.body = "" // the application may answer
				}
				p.notef("GET %s: %v", path, a)
			}
		}},
		{name: "invalid websocket handshakes", play: func(p *play) {
			upgrade := []string{"Connection: Upgrade", "Upgrade: websocket"}
			key, version := "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"
			for what, headers := range [][]string{
				append(upgrade, version),
				append(upgrade, version, "Sec-WebSocket-Key: short"),
				append(upgrade, key),
				append(upgrade, key, "Sec-WebSocket-Version: 12"),
				{"Connection: Upgrade", "Upgrade: h2c"},
				{"Connection: close", "Upgrade: websocket", key, version},
			} {
				p.notef("%d: %v", what, send(p.t, p.addr, http.MethodGet, engine+"&transport=websocket", "", headers...).answer())
			}
			p.notef("POST: %v", send(p.t, p.addr, http.MethodPost, engine+"&transport=websocket", "", append(upgrade, key, version)...).answer())
		}},
		{name: "long query", play: func(p *play) {
			a := send(p.t, p.addr, http.MethodGet, engine+"&transport=polling&t="+fmt.Sprintf("%08000d", 0), "").answer()
			p.remember(a.body)
			p.notef("GET: %d", a.status)
		}},
		{name: "query that does not parse", play: func(p *play) {
			p.request("GET", "?EIO=4&transport=polling&t=%zz")
			p.request("GET", "?EIO=4&transport=polling&t=a;b")
		}},
	})
}
