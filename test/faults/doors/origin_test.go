package doors_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// page is a browser's request from a page.
type page struct {
	origin string
	lines  []string // instead of the line Origin, and for Host: example.com
	in     bool
}

func (p page) all() []string {
	if p.lines != nil {
		return p.lines
	}
	return []string{"Origin: " + p.origin}
}

func visit(t *testing.T, opts []stage.Option, pages []page) {
	t.Helper()
	eachEndpoint(t, opts, func(t *testing.T, d *endpoint) {
		for _, p := range pages {
			want := http.StatusForbidden
			if p.in {
				want = d.opened()
			}
			a := d.handshake(p.all()...)
			if a.Status != want {
				t.Errorf("%q: %d %.100s, want %d", p.all(), a.Status, a.Body, want)
			}
			if !p.in && (!strings.Contains(a.Body, `"code":"foreign_origin"`) || a.Get("message") != "Origin is not allowed") {
				t.Errorf("%q: refused with %s", p.all(), a.Body)
			}
			if !p.in && a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%q: refused, and allowed by CORS: %v", p.all(), a.Header)
			}
		}
		d.alive()
	})
}

// TestCVE_2020_28481_V21_ForeignOriginByDefault: By default a page of a foreign origin is refused with 403, on
// polling, within a session of polling, and on WebSocket, where NestJS and Socket.IO 2 accept all.
func TestCVE_2020_28481_V21_ForeignOriginByDefault(t *testing.T) {
	visit(t, nil, []page{
		{origin: "https://evil.example"},
		{origin: "http://localhost:3000"},
		{origin: "http://example.com", in: true},
		{lines: []string{}, in: true}, // not a browser
	})
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		e := rawpeer.NewEngine(t, d.Addr)
		p := e.Poll()
		rawpeer.Enter(t, p, "/", "")
		e.Lines = []string{"Origin: https://evil.example"}
		for name, raw := range map[string]string{
			"GET": p.GetBytes(), "POST": p.PostBytes(`42["noop"]`), "upgrade": rawpeer.Upgrade(e.Query("websocket", p.SID), e.Lines...),
			"preflight": rawpeer.Request(http.MethodOptions, e.Query("polling", p.SID), append(e.Lines, "Access-Control-Request-Method: POST")...) + "\r\n",
		} {
			if a := e.Do(raw); a.Status != http.StatusForbidden || a.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s of a session: %d %v", name, a.Status, a.Header)
			}
		}
		e.Lines = nil
		rawpeer.Echo(t, p, "untouched")
		p.Send("1")
		d.WantGone(1)
		if d.Events() != 1 {
			t.Errorf("%d events were handled", d.Events())
		}
	}, byPolling)
}

// TestFault_F6_ForeignOrigin: A page of an origin that is not listed is refused with 403 before a session exists.
func TestFault_F6_ForeignOrigin(t *testing.T) {
	visit(t, []stage.Option{stage.Gateway(websockets.Origins("https://app.example.net"))}, []page{
		{origin: "https://evil.example"},
		{origin: "https://app.example.net", in: true},
		{origin: "http://app.example.net"},
		{lines: []string{"Origin: https://app.example.net", "Origin: https://evil.example"}},
		{lines: []string{"Origin: https://evil.example", "Origin: https://app.example.net"}},
		{lines: []string{"Origin: https://app.example.net", "Origin: https://app.example.net"}},
		{origin: "https://app.example.net, https://evil.example"},
		{origin: "https://app.example.net https://evil.example"},
	})
}

// TestFault_F7_NullOrigin: The origin null, of sandboxed frames and files, is refused with 403, as are empty and
// invalid ones.
func TestFault_F7_NullOrigin(t *testing.T) {
	visit(t, []stage.Option{stage.Gateway(websockets.Origins("https://app.example.net"))}, []page{
		{origin: "null"}, {origin: "NULL"}, {origin: ""}, {origin: "file://"}, {origin: "about:blank"}, {origin: "://"}, {origin: "//example.com"},
		{origin: "example.com"}, {origin: "http://"}, {origin: "http:example.com"}, {origin: "javascript://example.com"}, {origin: "%zz"},
	})
}

// TestFault_F8_OtherScheme: By default a page of http may connect to the same host by wss, because behind a proxy a
// server cannot see the scheme of the request; a CheckOrigin can be strict and refuse it with 403.
func TestFault_F8_OtherScheme(t *testing.T) {
	visit(t, nil, []page{{origin: "http://example.com", in: true}, {origin: "https://example.com", in: true}, {origin: "ws://example.com"}})
	strict := func(r *http.Request) bool {
		return slices.Equal(r.Header.Values("Origin"), []string{"https://example.com"})
	}
	visitBy(t, strict, []page{{origin: "http://example.com"}, {origin: "https://example.com", in: true}})
}

// visitBy is visit with a CheckOrigin that refuses requests without an origin.
func visitBy(t *testing.T, check func(*http.Request) bool, pages []page) {
	t.Helper()
	eachEndpoint(t, []stage.Option{stage.Gateway(websockets.CheckOrigin(check))}, func(t *testing.T, d *endpoint) {
		for _, p := range pages {
			a := d.handshake(p.all()...)
			if want := map[bool]int{true: d.opened(), false: http.StatusForbidden}[p.in]; a.Status != want {
				t.Errorf("%q: %d, want %d", p.all(), a.Status, want)
			}
		}
	})
}

// TestFault_F9_LookalikeOrigins: Origins that resemble a listed one are refused: one with a suffix, another port,
// user names, paths, dots, Unicode for punycode; upper case is the same origin.
func TestFault_F9_LookalikeOrigins(t *testing.T) {
	named := websockets.Origins("https://app.example.com", "https://*.example.org", "https://xn--bcher-kva.example", "http://[::1]:3000")
	visit(t, []stage.Option{stage.Gateway(named)}, []page{
		{origin: "https://app.example.com", in: true},
		{origin: "https://app.example.com.evil.io"},
		{origin: "https://evil-app.example.com"},
		{origin: "https://app-example.com"},
		{origin: "https://appxexample.com"},
		{origin: "HTTPS://APP.Example.COM", in: true},
		{origin: "https://app.example.com:8443"},
		{origin: "https://app.example.com:443", in: true}, // browsers leave the default out
		{origin: "https://app.example.com."},
		{origin: "https://app.example.com/"},
		{origin: "https://app.example.com@evil.io"},
		{origin: "https://evil.io@app.example.com"},
		{origin: "https://evil.io#https://app.example.com"},
		{origin: "https://evil.io?https://app.example.com"},
		{origin: "https://app.example.com%2eevil.io"},

		{origin: "https://a.example.org", in: true},
		{origin: "https://a.b.example.org", in: true},
		{origin: "https://example.org"},
		{origin: "https://.example.org"},
		{origin: "https://evilexample.org"},
		{origin: "https://a.example.org.evil.io"},
		{origin: "https://a.example.org:8443"},
		{origin: "http://a.example.org"},
		{origin: "https://evil.io/.example.org"},
		{origin: "https://evil.io/a.example.org"},
		{origin: "https://evil.io?.example.org"},
		{origin: "https://evil.io#.example.org"},
		{origin: `https://evil.io\.example.org`},
		{origin: "https://evil.io:80.example.org"},
		{origin: "https://evil.io:.example.org"},

		{origin: "https://xn--bcher-kva.example", in: true},
		{origin: "https://bücher.example"},
		{origin: "https://BÜCHER.example"},
		{origin: "https://bu\u0308cher.example"},
		{origin: "https://аpp.example.com"}, // a Cyrillic а
		{origin: "http://[::1]:3000", in: true},
		{origin: "http://[::1]"},

		{lines: []string{"Origin: http://example.com:8080", "Host: example.com:8080"}, in: true},
		{lines: []string{"Origin: http://example.com:8081", "Host: example.com:8080"}},
		{lines: []string{"Origin: http://example.com", "Host: example.com:8080"}},
		{lines: []string{"Origin: http://EXAMPLE.com", "Host: example.COM"}, in: true},
		{lines: []string{"Origin: http://example.com/x", "Host: example.com"}},
	})
}

// TestFault_F10_Rebinding: A page whose name was rebound to the server's address sends that name as Host and Origin;
// they are equal and so accepted by default, as by ws and Socket.IO for Node, and refused with 403 if a CheckOrigin
// compares with the server's names.
func TestFault_F10_Rebinding(t *testing.T) {
	rebound := page{lines: []string{"Origin: http://evil.example:3000", "Host: evil.example:3000"}}
	named := page{lines: []string{"Origin: http://example.com", "Host: example.com"}, in: true}
	visitBy(t, func(r *http.Request) bool {
		return r.Host == "example.com" && slices.Equal(r.Header.Values("Origin"), []string{"http://example.com"})
	}, []page{rebound, named, {lines: []string{"Origin: http://example.com", "Host: evil.example:3000"}}})
	rebound.in = true
	visit(t, nil, []page{rebound})
}

// TestCVE_2026_27148_V33_DevelopmentServer: The inspector is there only if imported, and has checks of its own (TestEveryRequestIsChecked in inspect); every
// WebSocket passes the same check, also with a Host that does not match, without Host (400), and with proxy headers
// that claim another: a foreign origin and null get 403.
func TestCVE_2026_27148_V33_DevelopmentServer(t *testing.T) {
	visit(t, nil, []page{
		{origin: "https://evil.example"},
		{origin: "null"}, // CVE-2026-27977
		{lines: []string{"Origin: http://example.com", "Host: localhost:3000"}},
		{lines: []string{"Origin: http://evil.example", "X-Forwarded-Host: evil.example"}},
		{lines: []string{"Origin: http://evil.example", "Forwarded: host=evil.example"}},
		{lines: []string{"Origin: http://evil.example", "X-Original-Host: evil.example", "X-Host: evil.example"}},
		{lines: []string{"Origin: http://localhost", "Host: 127.0.0.1"}},
		{lines: []string{"Origin: http://127.0.0.1.evil.example", "Host: 127.0.0.1"}},
	})
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		for name, lines := range map[string][]string{
			"no Host": {"Origin: http://example.com", "Host"}, "two": {"Host: example.com", "Host: evil.example"},
			"neither": {"Host"}, "no name": {"Origin: http://", "Host: a b"},
		} {
			if a := d.handshake(lines...); a.Status != http.StatusBadRequest {
				t.Errorf("%s: %d", name, a.Status)
			}
		}
		if a := d.handshake("Host: ", "Origin: http://"); a.Status != http.StatusForbidden {
			t.Errorf("empty: %d", a.Status)
		}
		// A target in absolute form replaces Host, RFC 9112 §3.2.2.
		raw := strings.Replace(d.request("Origin: http://evil.example", "Host: evil.example"), " "+d.target, " http://example.com"+d.target, 1)
		if a := d.ask(raw); a.Status != http.StatusForbidden {
			t.Errorf("absolute form: %d", a.Status)
		}
		d.alive()
	})
}

// TestCVE_2026_27977_V33_NullOrigin: The origin null is refused with 403 by default, also if Host is null or a file's
// page claims to be the server's.
func TestCVE_2026_27977_V33_NullOrigin(t *testing.T) {
	visit(t, nil, []page{
		{origin: "null"},
		{lines: []string{"Origin: null", "Host: null"}},
		{lines: []string{"Origin: null", "Sec-Fetch-Site: same-origin", "Referer: http://example.com/"}},
		{lines: []string{"Origin: file://", "Host: "}},
	})
}
