package engineio

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/cors"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestAnswersAreCompressed(t *testing.T) {
	const threshold = 300
	r := newTestServer(t, func(c *Config) { c.HTTPCompression = threshold }, nil)
	p, h := r.poller()
	long := strings.Repeat("x", threshold-1) // with the packet type, as much as the threshold
	for _, tt := range []struct {
		name, text string
		accept     []string
		plain      bool
		want       bool
	}{
		{name: "at the threshold", text: long, accept: []string{"gzip"}, want: true},
		{name: "below the threshold", text: long[1:], accept: []string{"gzip"}},
		{name: "not accepted", text: long},
		{name: "another coding", text: long, accept: []string{"br, x-gzip"}},
		{name: "of a list", text: long, accept: []string{"br;q=1, GZIP;q=0.5"}, want: true},
		{name: "of two lines", text: long, accept: []string{"br", "deflate, gzip"}, want: true},
		{name: "with spaces", text: long, accept: []string{"deflate , gzip ; q=1.0"}, want: true},
		{name: "weight zero", text: long, accept: []string{"gzip;q=0"}},
		{name: "weight zero point zero", text: long, accept: []string{"gzip; q=0.000, *;q=1"}},
		{name: "a bad weight", text: long, accept: []string{"gzip;q=much"}},
		{name: "not this message", text: long, accept: []string{"gzip"}, plain: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			it := wsconn.Item{Frame: wsconn.SealCopy(true, []byte("4"+tt.text)), Plain: tt.plain}
			if err := h.session.Send(it, it.Size(), outbox.Refuse); err != nil {
				t.Fatal(err)
			}
			var headers []string
			for _, line := range tt.accept {
				headers = append(headers, "Accept-Encoding", line)
			}
			a := p.poll(headers...)
			if a.header.Get("Vary") != "Origin" && !strings.Contains(strings.Join(a.header["Vary"], ","), "Accept-Encoding") {
				t.Errorf("Vary: %q", a.header["Vary"])
			}
			if got := a.header.Get("Content-Encoding") == "gzip"; got != tt.want {
				t.Fatalf("compressed: %t", got)
			}
			body := a.body
			if tt.want {
				z, err := gzip.NewReader(strings.NewReader(a.body))
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(z)
				if err != nil {
					t.Fatal(err)
				}
				body = string(b)
			}
			if body != "4"+tt.text {
				t.Errorf("got %.50q", body)
			}
		})
	}
}

// Several messages are compressed when one of them may be.
func TestMixedAnswerIsCompressed(t *testing.T) {
	r := newTestServer(t, func(c *Config) { c.HTTPCompression = 10 }, nil)
	p, h := r.poller()
	plain := wsconn.Item{Frame: wsconn.SealCopy(true, []byte("4plain")), Plain: true}
	if err := h.session.Send(plain, plain.Size(), outbox.Refuse); err != nil {
		t.Fatal(err)
	}
	h.say(t, "not so plain")
	if a := p.poll("Accept-Encoding", "gzip"); a.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%q is not compressed", a.body)
	}
}

func TestAnswersStayAsTheyAre(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	h.say(t, strings.Repeat("x", 50_000))
	a := p.poll("Accept-Encoding", "gzip")
	if a.header.Get("Content-Encoding") != "" || strings.Contains(strings.Join(a.header["Vary"], ","), "Accept-Encoding") {
		t.Errorf("headers %v", a.header)
	}
}

// An answer that the client does not read ends the session without a panic.
func TestAnswerThatIsNotTaken(t *testing.T) {
	r := inMemory(t, nil, nil)
	p, h := r.poller()
	h.say(t, "lost")
	nc, err := r.dial()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(nc, "GET /?"+p.query()+" HTTP/1.1\r\nHost: example.com\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := nc.Close(); err != nil {
		t.Fatal(err)
	}
	h.wantCause(t, websockets.CauseTransportError)
}

func TestCookie(t *testing.T) {
	r := newTestServer(t, func(c *Config) { c.Cookie = &http.Cookie{Name: "io", Path: "/", HttpOnly: true} }, nil)
	a := r.get(polling)
	sid := sidOf(t, a.body)
	if got, want := a.header.Get("Set-Cookie"), "io="+sid+"; Path=/; HttpOnly"; got != want {
		t.Errorf("Set-Cookie: %s, want %s", got, want)
	}
	p := &poller{r, sid}
	r.opened().say(t, "x")
	if a := p.poll(); a.header.Get("Set-Cookie") != "" {
		t.Error("a poll sets the cookie again")
	}
	_, resp := r.handshake(overWebSocket)
	if resp.Header.Get("Set-Cookie") != "" {
		t.Error("a WebSocket needs no cookie")
	}
}

func TestCORS(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cors    cors.Headers
		method  string
		headers []string
		want    map[string]string
	}{
		{"no page", cors.Headers{}, "GET", nil, map[string]string{"Vary": "Origin"}},
		{
			"a page", cors.Headers{MaxAge: time.Hour, AllowedHeaders: []string{"a"}}, "GET", []string{"Origin", "https://a.example"},
			map[string]string{
				"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Credentials": "true", "Vary": "Origin",
			},
		},
		{
			"without cookies", cors.Headers{DisableCredentials: true}, "GET", []string{"Origin", "https://a.example"},
			map[string]string{"Access-Control-Allow-Origin": "https://a.example", "Vary": "Origin"},
		},
		{
			"a preflight", cors.Headers{}, "OPTIONS", []string{"Origin", "https://a.example", "Access-Control-Request-Headers", "x-a, x-b"},
			map[string]string{
				"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Credentials": "true",
				"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "x-a, x-b",
				"Vary": "Origin,Access-Control-Request-Headers",
			},
		},
		{
			"a preflight with all headers",
			cors.Headers{MaxAge: 90 * time.Second, AllowedHeaders: []string{"x-a", "x-c"}, PrivateNetwork: true}, "OPTIONS",
			[]string{"Origin", "https://a.example", "Access-Control-Request-Headers", "x-b", "Access-Control-Request-Private-Network", "true"},
			map[string]string{
				"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Credentials": "true",
				"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "x-a, x-c",
				"Access-Control-Max-Age": "90", "Access-Control-Allow-Private-Network": "true", "Vary": "Origin",
			},
		},
		{
			"no private network", cors.Headers{AllowedHeaders: []string{}}, "OPTIONS",
			[]string{"Origin", "https://a.example", "Access-Control-Request-Private-Network", "true", "Access-Control-Request-Headers", "x-b"},
			map[string]string{
				"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Credentials": "true",
				"Access-Control-Allow-Methods": "GET, POST", "Vary": "Origin", "Access-Control-Allow-Headers": "",
			},
		},
		{
			"without a request for a private network", cors.Headers{PrivateNetwork: true}, "OPTIONS", []string{"Origin", "https://a.example"},
			map[string]string{
				"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Credentials": "true",
				"Access-Control-Allow-Methods": "GET, POST", "Vary": "Origin",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestServer(t, func(c *Config) { c.CORS = tt.cors }, nil)
			a := r.request(t.Context(), tt.method, polling, nil, tt.headers...)
			if a.err != nil || a.status >= 300 {
				t.Fatalf("%d %v", a.status, a.err)
			}
			got := map[string]string{}
			for name, lines := range a.header {
				if name == "Vary" || strings.HasPrefix(name, "Access-Control") {
					got[name] = strings.Join(lines, ",")
				}
			}
			for name := range tt.want {
				if got[name] != tt.want[name] {
					t.Errorf("%s: %q, want %q", name, got[name], tt.want[name])
				}
			}
			for name := range got {
				if _, ok := tt.want[name]; !ok {
					t.Errorf("%s: %q", name, got[name])
				}
			}
		})
	}
}

// A foreign page gets nothing, over either transport and with any method, and
// nothing that would let it read the refusal.
func TestForeignOrigin(t *testing.T) {
	r := newTestServer(t, func(c *Config) { c.CORS = cors.Headers{PrivateNetwork: true, MaxAge: time.Hour} }, nil)
	p, _ := r.poller()
	evil := []string{"Origin", "https://evil.example"}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
		for _, query := range []string{polling, p.query()} {
			a := r.request(t.Context(), method, query, nil, evil...)
			if a.status != http.StatusForbidden || a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: %d %v", method, query, a.status, a.header)
			}
		}
	}
	for _, query := range []string{overWebSocket, overWebSocket + "&sid=" + p.sid} {
		if _, resp := r.handshake(query, evil...); resp.Status != http.StatusForbidden {
			t.Errorf("%s: %d", query, resp.Status)
		}
	}
}

// Browsers reject a response without subprotocol if they offered some.
func TestSubprotocol(t *testing.T) {
	r := newTestServer(t, nil, nil)
	for offered, want := range map[string]string{"": "", "a": "a", "b, a": "b", " c ,d": "c"} {
		headers := []string{"Sec-WebSocket-Protocol", offered}
		if offered == "" {
			headers = nil
		}
		if _, resp := r.handshake(overWebSocket, headers...); resp.Status != 101 || resp.Header.Get("Sec-WebSocket-Protocol") != want {
			t.Errorf("offered %q: %d %q", offered, resp.Status, resp.Header.Get("Sec-WebSocket-Protocol"))
		}
	}
}

// A long queue is sent in several answers; the close packet is in the last one.
func TestAnswersInParts(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, h := r.poller()
	big := strings.Repeat("x", pollSize*2/3)
	for _, text := range []string{"1" + big, "2" + big, "3" + big, "4"} {
		if err := h.send(text, outbox.Refuse); err != nil {
			t.Fatal(err)
		}
	}
	h.session.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect}, wsconn.CloseGraceful)
	p.want("41" + big)
	p.want("42" + big)
	p.want("43" + big + "\x1e44\x1e1")
	<-h.session.out.Done()
	if n := h.session.out.Bytes(); n != 0 {
		t.Errorf("%d bytes still count", n)
	}
}
