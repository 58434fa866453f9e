package zishang

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

var upgradeHeader = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
	"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}

func sameHost(r *http.Request) bool {
	o := r.Header.Get("Origin")
	return o == "" || o == "http://"+r.Host || o == "https://app.example.com"
}

func withHeader(h http.Header, k, v string) http.Header {
	if h = h.Clone(); h == nil {
		h = http.Header{}
	}
	h.Set(k, v)
	return h
}

func TestHandshakeRefusals(t *testing.T) {
	s := serve(t, endpoint("/"), sameHost)
	ws := s.ws("").open.Sid
	for _, tt := range []struct {
		name, method, query string
		header              http.Header
		status              int
		body                string
	}{
		{"EIO 3", "GET", "EIO=3&transport=polling", nil, 400, `{"code":5,"message":"Unsupported protocol version","details":"this server speaks Engine.IO 4 (Socket.IO clients 3 and 4), the request says EIO=\"3\""}`},
		{"EIO 3 upgrade", "GET", "EIO=3&transport=websocket", upgradeHeader, 400, `{"code":5,`},
		{"EIO 2", "GET", "EIO=2&transport=polling", nil, 400, `{"code":5,`},
		{"EIO 5", "GET", "EIO=5&transport=polling", nil, 400, `{"code":5,`},
		{"no EIO", "GET", "transport=polling", nil, 400, `{"code":5,`},
		{"EIO twice", "GET", "EIO=4&EIO=3&transport=polling", nil, 400, `{"code":3,"message":"Bad request","details":"EIO is there more than once"}`},
		{"transport foo", "GET", "EIO=4&transport=foo", nil, 400, `{"code":0,"message":"Transport unknown","details":"transport must be polling or websocket"}`},
		{"transport toString", "GET", "EIO=4&transport=toString", nil, 400, `{"code":0,`},
		{"transport empty", "GET", "EIO=4&transport=", nil, 400, `{"code":0,`},
		{"transport absent", "GET", "EIO=4", nil, 400, `{"code":0,`},
		{"transport twice", "GET", "EIO=4&transport=polling&transport=websocket", nil, 400, `{"code":3,`},
		{"transport webtransport", "GET", "EIO=4&transport=webtransport", nil, 400, `{"code":0,`},
		{"sid unknown", "GET", "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAAAA", nil, 400, `{"code":1,"message":"Session ID unknown"}`},
		{"sid __proto__", "GET", "EIO=4&transport=polling&sid=__proto__", nil, 400, `{"code":1,`},
		{"sid empty", "GET", "EIO=4&transport=polling&sid=", nil, 400, `{"code":1,`},
		{"sid not ASCII", "GET", "EIO=4&transport=polling&sid=%ff%c3%bc", nil, 400, `{"code":1,`},
		{"sid 64 KB", "GET", "EIO=4&transport=polling&sid=" + strings.Repeat("a", 64<<10), nil, 414, `{"code":3,`},
		{"sid unknown upgrade", "GET", "EIO=4&transport=websocket&sid=x", upgradeHeader, 400, `{"code":1,`},
		{"sid of a WebSocket session", "GET", "EIO=4&transport=polling&sid=" + ws, nil, 400, `{"code":3,"message":"Bad request","details":"the session has changed to websocket"}`},
		{"query does not parse", "GET", "EIO=4&transport=polling&x=%zz", nil, 400, `{"code":3,`},
		{"handshake by POST", "POST", "EIO=4&transport=polling", nil, 400, `{"code":2,"message":"Bad handshake method"}`},
		{"websocket without upgrade", "GET", "EIO=4&transport=websocket", nil, 400, `{"code":3,`},
		{"polling with upgrade", "GET", "EIO=4&transport=polling", upgradeHeader, 400, `{"code":3,`},
		{"upgrade by POST", "POST", "EIO=4&transport=websocket", upgradeHeader, 400, `{"code":2,`},
		{"WebSocket version 8", "GET", "EIO=4&transport=websocket", withHeader(upgradeHeader, "Sec-Websocket-Version", "8"), 400, ``},
		{"WebSocket key short", "GET", "EIO=4&transport=websocket", withHeader(upgradeHeader, "Sec-Websocket-Key", "x"), 400, ``},
		{"JSONP", "GET", "EIO=4&transport=polling&j=0", nil, 400, `{"code":3,`},
		{"PUT", "PUT", "EIO=4&transport=polling", nil, 405, `{"statusCode":405,`},
		{"foreign origin", "GET", "EIO=4&transport=polling", http.Header{"Origin": {"https://evil.example"}}, 403, `{"statusCode":403,"message":"Origin not allowed","error":"Forbidden","code":"foreign_origin"}`},
		{"foreign origin upgrade", "GET", "EIO=4&transport=websocket", withHeader(upgradeHeader, "Origin", "https://evil.example"), 403, `{"statusCode":403,`},
		{"null origin", "GET", "EIO=4&transport=polling", http.Header{"Origin": {"null"}}, 403, `{"statusCode":403,`},
		{"foreign origin preflight", "OPTIONS", "EIO=4&transport=polling", http.Header{"Origin": {"https://evil.example"}}, 403, `{"statusCode":403,`},
		{"foreign origin in a session", "POST", "EIO=4&transport=polling&sid=" + ws, http.Header{"Origin": {"https://evil.example"}}, 403, `{"statusCode":403,`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := s.do(tt.method, tt.query, "", tt.header)
			if status != tt.status || !strings.HasPrefix(body, tt.body) {
				t.Fatalf("%d %s", status, body)
			}
			if status == 403 && header.Get("Access-Control-Allow-Origin") != "" {
				t.Fatal("CORS header on a refusal")
			}
		})
	}
	if n := len(s.snapshot()); n != 1 {
		t.Fatalf("%d sessions", n)
	}
}

func TestPath(t *testing.T) {
	s := serve(t, endpoint("/"))
	for path, want := range map[string]int{"/socket.io/": 200, "/socket.io": 200, "/socket.io/x": 404, "/": 404, "/socket.iox": 404} {
		r, err := http.Get(s.http.URL + path + "?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

func TestHandshakeTellsTheLimits(t *testing.T) {
	l := defaultLimits()
	l.MaxMessage, l.PingInterval, l.PingTimeout = 5000, 7*time.Second, 3*time.Second
	s := serve(t, endpoint("/"), l)
	o := s.polling().open
	if o.MaxPayload != 5000 || o.PingInterval != 7000 || o.PingTimeout != 3000 || len(o.Upgrades) != 1 || o.Upgrades[0] != "websocket" {
		t.Fatalf("%+v", o)
	}
}

func TestTransportsOption(t *testing.T) {
	s := serve(t, endpoint("/"), Options{Transports: []string{WebSocket}})
	if code, _, body := s.do("GET", "EIO=4&transport=polling", "", nil); code != 400 || !strings.Contains(body, "transport must be websocket") {
		t.Fatal(code, body)
	}
	s.ws("")
	s = serve(t, endpoint("/"), Options{Transports: []string{Polling}})
	if code, _, body := s.do("GET", "EIO=4&transport=websocket", "", upgradeHeader); code != 400 {
		t.Fatal(code, body)
	}
	if o := s.polling().open; len(o.Upgrades) != 0 {
		t.Fatal(o)
	}
	s = serve(t, endpoint("/"), Options{Upgrades: Off})
	p := s.polling()
	if len(p.open.Upgrades) != 0 {
		t.Fatal(p.open)
	}
	if code, _, body := s.do("GET", "EIO=4&transport=websocket&sid="+p.open.Sid, "", upgradeHeader); code != 400 {
		t.Fatal(code, body)
	}
}

func TestCookie(t *testing.T) {
	s := serve(t, endpoint("/"), Options{Cookie: &http.Cookie{HttpOnly: true}})
	_, h, body := s.do("GET", "EIO=4&transport=polling", "", nil)
	if got, want := h.Get("Set-Cookie"), "io="+parseOpen(t, body).Sid+"; Path=/; HttpOnly; SameSite=Lax"; got != want {
		t.Fatal(got)
	}
}

func TestCORS(t *testing.T) {
	ep := endpoint("/")
	ep.receive = echo
	s := serve(t, ep, sameHost)
	page := http.Header{"Origin": {"https://app.example.com"}}
	check := func(h http.Header, where string) {
		t.Helper()
		if h.Get("Access-Control-Allow-Origin") != "https://app.example.com" || h.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
			t.Fatal(where, h)
		}
	}
	pre := withHeader(page, "Access-Control-Request-Method", "POST")
	pre.Set("Access-Control-Request-Headers", "content-type,x-token")
	code, h, _ := s.do("OPTIONS", "EIO=4&transport=polling", "", pre)
	check(h, "preflight")
	if code != 204 || h.Get("Access-Control-Allow-Methods") != "GET, POST" || h.Get("Access-Control-Allow-Headers") != "content-type,x-token" {
		t.Fatal(code, h)
	}
	_, h, body := s.do("GET", "EIO=4&transport=polling", "", page)
	check(h, "handshake")
	if len(h.Values("Access-Control-Allow-Origin")) != 1 || len(h.Values("Vary")) != 1 {
		t.Fatal(h)
	}
	c, _, err := websocket.Dial(t.Context(), s.url("EIO=4&transport=websocket"), &websocket.DialOptions{HTTPHeader: page})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
	q := "EIO=4&transport=polling&sid=" + parseOpen(t, body).Sid
	_, h, _ = s.do("POST", q, "40", page)
	check(h, "POST")
	_, h, _ = s.do("GET", q, "", page)
	check(h, "poll")
	_, h, _ = s.do("GET", "EIO=4&transport=polling&sid=gone", "", page)
	check(h, "error")
	if _, h, _ = s.do("GET", "EIO=4&transport=polling", "", nil); h.Get("Access-Control-Allow-Origin") != "" {
		t.Fatal(h)
	}

	s = serve(t, ep, Options{CORS: CORS{Credentials: Off, AllowedHeaders: []string{"X-A", "X-B"}, MaxAge: time.Minute}})
	_, h, _ = s.do("OPTIONS", "EIO=4&transport=polling", "", pre)
	if h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Access-Control-Allow-Headers") != "X-A, X-B" || h.Get("Access-Control-Max-Age") != "60" {
		t.Fatal(h)
	}
}

func TestHTTPCompression(t *testing.T) {
	ep := endpoint("/")
	ep.receive = echo
	s := serve(t, ep, Options{HTTPCompression: 1000})
	p := s.polling()
	enter(t, p, ep, "0")
	p.send(`2["e","` + strings.Repeat("a", 5000) + `"]`)
	_, h, body := s.do("GET", p.query, "", http.Header{"Accept-Encoding": {"gzip"}})
	if h.Get("Content-Encoding") != "gzip" || len(body) > 1000 {
		t.Fatal(h, len(body))
	}
}

// reasonAfter enters, does something, and returns the reason of the disconnect.
func reasonAfter(t *testing.T, s *testServer, ep *fakeEndpoint, do func(*pollClient)) websockets.Reason {
	t.Helper()
	p := s.polling()
	sess := enter(t, p, ep, "0")
	do(p)
	r := testkit.Receive(t, "Session.Closed", sess.closed)
	testkit.Eventually(t, "the session is gone", func() bool { return s.linkOf(p.open.Sid) == nil })
	return r
}

func TestBodyRefusals(t *testing.T) {
	l := defaultLimits()
	ep := endpoint("/")
	s := serve(t, ep, l)
	big := strings.Repeat("a", int(l.MaxMessage)+1)
	for _, tt := range []struct {
		name, body string
		header     http.Header
		status     int
		cause      websockets.Cause // "" the session goes on
	}{
		{"too large", big, nil, 413, websockets.CauseMessageTooBig},
		{"compressed", "42[]", http.Header{"Content-Encoding": {"gzip"}}, 415, ""},
		{"CVE-2026-59725 binary", "42[]", http.Header{"Content-Type": {"application/octet-stream"}}, 400, websockets.CauseParseError},
		{"no base64", "b!!!", nil, 400, websockets.CauseParseError},
		{"base64 with newline", "bAA\r\n==", nil, 400, websockets.CauseParseError},
		{"empty", "", nil, 400, websockets.CauseParseError},
		{"empty packets", strings.Repeat("\x1e", 900_000), nil, 400, websockets.CauseParseError},
		{"garbage", "x", nil, 400, websockets.CauseParseError},
		{"garbage after a packet", "3\x1ezzz", nil, 400, websockets.CauseParseError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := s.polling()
			sess := enter(t, p, ep, "0")
			code, _, body := s.do("POST", p.query, tt.body, tt.header)
			if code != tt.status || !strings.HasPrefix(body, `{"code":3,"message":"Bad request","details":"`) {
				t.Fatal(code, body)
			}
			if tt.cause == "" {
				p.send(`2["still here"]`)
				testkit.Receive(t, "a message", sess.messages)
				return
			}
			if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != tt.cause {
				t.Fatal(r)
			}
		})
	}
}

// A body without a length must not pass the limit either, nor be buffered.
func TestChunkedBodyIsBounded(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	r := reasonAfter(t, s, ep, func(p *pollClient) {
		read := 0
		body := readerFunc(func(b []byte) (int, error) {
			if read += len(b); read > 100<<20 {
				t.Error("the server reads on")
				return 0, io.EOF
			}
			return copy(b, bytes.Repeat([]byte{'4'}, len(b))), nil
		})
		req, _ := http.NewRequestWithContext(t.Context(), "POST", s.url(p.query), body)
		res, err := s.http.Client().Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode != 413 {
				t.Error(res.Status)
			}
		}
	})
	if r.Cause != websockets.CauseMessageTooBig {
		t.Fatal(r)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestExactlyTheLimit(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		s := serve(t, ep)
		c := dial(s)
		sess := enter(t, c, ep, "0")
		c.send(`2["e","` + strings.Repeat("a", 1_000_000-1-len(`2["e",""]`)) + `"]`)
		if m := testkit.Receive(t, "a message", sess.messages); len(m.Payload.JSON) < 999_000 {
			t.Fatal(len(m.Payload.JSON))
		}
	})
}

func TestWebSocketMessageTooBig(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	c := s.ws("")
	sess := enter(t, c, ep, "0")
	_ = c.c.Write(c.ctx(), websocket.MessageText, bytes.Repeat([]byte{'4'}, 1_000_001))
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseMessageTooBig {
		t.Fatal(r)
	}
	c.ended()
}

func TestSlowBodyIsBounded(t *testing.T) {
	l := defaultLimits()
	l.PingInterval, l.PingTimeout = 100*time.Millisecond, 2*time.Second
	ep := endpoint("/")
	s := serve(t, ep, l)
	start := time.Now()
	reasonAfter(t, s, ep, func(p *pollClient) {
		u, _ := url.Parse(s.url(p.query))
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "POST "+u.RequestURI()+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4")
		_ = c.SetReadDeadline(time.Now().Add(testkit.Patience))
		if b, err := io.ReadAll(c); err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 400")) {
			t.Errorf("%s %v", b, err)
		}
	})
	if d := time.Since(start); d > 25*time.Second {
		t.Fatal(d)
	}
}

func TestOverlaps(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			r := reasonAfter(t, s, ep, func(p *pollClient) {
				l := s.linkOf(p.open.Sid)
				// the first request: a poll that waits, or a body that does not end
				pr, pw := io.Pipe()
				defer pw.Close()
				done := make(chan string, 1)
				go func() {
					var body io.Reader
					if method == "POST" {
						body = pr
					}
					req, _ := http.NewRequestWithContext(context.Background(), method, s.url(p.query), body)
					res, err := s.http.Client().Do(req)
					if err != nil {
						done <- err.Error()
						return
					}
					b, _ := io.ReadAll(res.Body)
					_ = res.Body.Close()
					done <- string(b)
				}()
				testkit.Eventually(t, "the request is under way", func() bool {
					l.mu.Lock()
					defer l.mu.Unlock()
					return l.poll != nil || l.post != nil
				})
				if code, _, body := s.do(method, p.query, "3", nil); code != 400 {
					t.Error(code, body)
				}
				_ = pw.Close()
				if body := testkit.Receive(t, "the end", done); method == "GET" && body != "1" && body != "6" {
					t.Errorf("the waiting poll was answered %q", body)
				}
			})
			if r.Cause != websockets.CauseTransportError {
				t.Fatal(r)
			}
		})
	}
}

func TestAbortedPollEndsTheSession(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	r := reasonAfter(t, s, ep, func(p *pollClient) {
		ctx, cancel := context.WithCancel(t.Context())
		l := s.linkOf(p.open.Sid)
		go func() {
			req, _ := http.NewRequestWithContext(ctx, "GET", s.url(p.query), nil)
			if res, err := s.http.Client().Do(req); err == nil {
				_ = res.Body.Close()
			}
		}()
		testkit.Eventually(t, "the poll waits", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.poll != nil && l.Transport().Writable()
		})
		cancel()
	})
	if r.Cause != websockets.CauseTransportError {
		t.Fatal(r)
	}
}

// The timeouts of an http.Server that are meant for ordinary requests must not
// end a poll.
func TestPollOutlivesServerTimeouts(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	slow := httptest.NewUnstartedServer(s.server)
	slow.Config.ReadTimeout, slow.Config.WriteTimeout = time.Second, time.Second
	slow.Start()
	defer slow.Close()
	p := s.polling()
	sess := enter(t, p, ep, "0")
	p.s = &testServer{server: s.server, t: t, http: slow} // for the poll only
	time.AfterFunc(2500*time.Millisecond, func() { _ = sess.Emit(adapter.NewOutgoing("late", 1), 0) })
	want(t, p, `2["late",1]`)
	p.s = s
	p.drop()
	testkit.Receive(t, "Session.Closed", sess.closed)
}

func TestEndsWithClose(t *testing.T) {
	for body, want := range map[string]bool{
		"1": true, "6\x1e1": true, "42[]\x1e1": true, "": false, "41": false, "42[\"1\"]\x1e41": false, "1\x1e6": false, "bAAE1": false,
	} {
		if got := endsWithClose([]byte(body)); got != want {
			t.Errorf("%q: %t", body, got)
		}
	}
}
