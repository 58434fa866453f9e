package protocol_test

import (
	"fmt"
	"net/http"
	"sort"
	"strings"
	"testing"
)

// recordedHeaders are the response headers that clients and proxies act on.
var recordedHeaders = []string{
	"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods",
	"Access-Control-Allow-Origin", "Access-Control-Allow-Private-Network", "Access-Control-Max-Age",
	"Allow", "Cache-Control", "Content-Encoding", "Content-Type", "Set-Cookie", "Vary",
}

// headers records the headers of a response.
func (p *play) headers(what string, a answer) {
	p.t.Helper()
	p.remember(a.body)
	var said []string
	for _, name := range recordedHeaders {
		for _, value := range a.header[name] {
			parts := strings.Split(value, "; ")
			sort.Strings(parts[1:]) // attributes of cookies have no order
			said = append(said, name+": "+strings.Join(parts, "; "))
		}
	}
	p.notef("%s: %d {%s}", what, a.status, strings.Join(said, ", "))
}

const (
	goodOrigin    = "https://good.example"
	foreignOrigin = "https://evil.example"
)

func handshakeHeaders(headers ...string) func(p *play) {
	return func(p *play) {
		p.headers("GET", send(p.t, p.addr, "GET", engine+"&transport=polling", "", headers...).answer())
	}
}

func sessionHeaders(headers ...string) func(p *play) {
	return func(p *play) {
		p.enter()
		p.headers("POST", p.startPost(`42["message",1]`, headers...).answer())
		p.headers("GET", send(p.t, p.addr, "GET", p.path("polling"), "", headers...).answer())
	}
}

func errorHeaders(headers ...string) func(p *play) {
	return func(p *play) {
		p.headers("GET", send(p.t, p.addr, "GET", engine+"&transport=polling&sid=nope", "", headers...).answer())
	}
}

func websocketHeaders(origin string) func(p *play) {
	return func(p *play) {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		_, a := dialWS(p.t, p.addr, engine+"&transport=websocket", h)
		p.headers("websocket", a)
	}
}

// TestHeaders compares response headers for clients that are not pages of other origins.
func TestHeaders(t *testing.T) {
	compareAll(t, newBench(t, calm), []scene{
		{name: "handshake", play: handshakeHeaders()},
		{name: "handshake of the own origin", play: func(p *play) { handshakeHeaders("Origin: http://" + p.addr)(p) }},
		{name: "handshake of an invalid origin", play: handshakeHeaders("Origin: \x01")},
		{name: "session", play: sessionHeaders()},
		{name: "rejection", play: errorHeaders()},
		{name: "rejected method", play: func(p *play) {
			p.headers("PUT", send(p.t, p.addr, "PUT", engine+"&transport=polling", "").answer())
		}},
		{name: "OPTIONS", play: func(p *play) {
			p.headers("OPTIONS", send(p.t, p.addr, "OPTIONS", engine+"&transport=polling", "").answer())
		}},
		{name: "websocket", play: websocketHeaders("")},
		{name: "upgrade", play: func(p *play) {
			p.enter()
			_, a := dialWS(p.t, p.addr, p.path("websocket"), nil)
			p.headers("websocket", a)
		}},
		{name: "large poll for a client that accepts gzip", play: func(p *play) {
			p.enter()
			p.startPost(fmt.Sprintf(`42["message","%02000d"]`, 0)).answer()
			p.headers("GET", send(p.t, p.addr, "GET", p.path("polling"), "", "Accept-Encoding: gzip").answer())
		}},
		{name: "compression and subprotocols of websockets are not offered", play: func(p *play) {
			r := startExchange(p.t, p.addr, "GET", engine+"&transport=websocket", "Connection: Upgrade", "Upgrade: websocket",
				"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
				"Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: chat").head()
			p.notef("websocket: %d %q %q %q", r.StatusCode, r.Header.Get("Sec-WebSocket-Extensions"),
				r.Header.Get("Sec-WebSocket-Protocol"), r.Header.Get("Sec-WebSocket-Accept"))
		}},
	})
}

// TestOrigins compares response headers for pages of other origins, one of which is allowed.
func TestOrigins(t *testing.T) {
	const good, foreign = "Origin: " + goodOrigin, "Origin: " + foreignOrigin
	preflight := func(headers ...string) func(p *play) {
		return func(p *play) {
			headers := append([]string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,x-token"}, headers...)
			p.headers("OPTIONS", send(p.t, p.addr, "OPTIONS", engine+"&transport=polling", "", headers...).answer())
		}
	}
	compareAll(t, newBench(t, public), []scene{
		{name: "no origin", play: handshakeHeaders()},
		{name: "handshake", play: handshakeHeaders(good)},
		{name: "session", play: sessionHeaders(good)},
		{name: "rejection", play: errorHeaders(good)},
		{name: "preflight", play: preflight(good)},
		{name: "preflight for a private network", play: preflight(good, "Access-Control-Request-Private-Network: true")},
		{name: "websocket", play: websocketHeaders(goodOrigin)},
		{name: "handshake of a foreign origin", play: handshakeHeaders(foreign)},
		{name: "handshake of origin null", play: handshakeHeaders("Origin: null")},
		{name: "handshake of two origins", play: handshakeHeaders(good, foreign)},
		{name: "session of a foreign origin", play: sessionHeaders(foreign)},
		{name: "preflight of a foreign origin", play: preflight(foreign)},
		{name: "websocket of a foreign origin", play: websocketHeaders(foreignOrigin)},
		{name: "websocket of origin null", play: websocketHeaders("null")},
	})
}
