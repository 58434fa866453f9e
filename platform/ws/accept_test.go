package ws

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestHandshakeRefusals(t *testing.T) {
	type change struct{ from, to string }
	tests := []struct {
		name    string
		change  []change
		status  int
		code    string
		headers map[string]string
	}{
		{"POST", []change{{"GET", "POST"}}, 405, "method_not_allowed", map[string]string{"Allow": "GET"}},
		{"HTTP 1.0", []change{{"HTTP/1.1", "HTTP/1.0"}}, 426, "upgrade_required", map[string]string{"Upgrade": "websocket"}},
		{"no Upgrade", []change{{"Upgrade: websocket\r\n", ""}}, 426, "upgrade_required", map[string]string{"Upgrade": "websocket"}},
		{"other Upgrade", []change{{"Upgrade: websocket", "Upgrade: h2c"}}, 426, "upgrade_required", nil},
		{"no Connection token", []change{{"keep-alive, Upgrade", "keep-alive"}}, 426, "upgrade_required", nil},
		{"version 8", []change{{"Version: 13", "Version: 8"}}, 400, "bad_handshake", map[string]string{"Sec-Websocket-Version": "13"}},
		{"version list", []change{{"Version: 13", "Version: 13, 8"}}, 400, "bad_handshake", map[string]string{"Sec-Websocket-Version": "13"}},
		{"two versions", []change{{"Version: 13", "Version: 13\r\nSec-WebSocket-Version: 8"}}, 400, "bad_handshake", nil},
		{"no version", []change{{"Sec-WebSocket-Version: 13\r\n", ""}}, 400, "bad_handshake", map[string]string{"Sec-Websocket-Version": "13"}},
		{"no key", []change{{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""}}, 400, "bad_handshake", nil},
		{"short key", []change{{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ=="}}, 400, "bad_handshake", nil},
		{"key not base64", []change{{"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ\xff=="}}, 400, "bad_handshake", nil},
		{"two keys", []change{{"Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key"}}, 400, "bad_handshake", nil},
		{"body", []change{{"Host", "Content-Length: 3\r\nHost"}}, 400, "bad_handshake", nil},
		{"foreign origin", []change{{"Host", "Origin: https://evil.example\r\nHost"}}, 403, websockets.CodeForeignOrigin, nil},
		{"guard", []change{{"Host", "X-Refuse: yes\r\nHost"}}, 401, "no_token", nil},
		{"guard with a bare error", []change{{"Host", "X-Refuse: bare\r\nHost"}}, 500, "", nil},
	}
	ep := &endpoint{admit: func(_ context.Context, h *adapter.Handshake) error {
		switch h.Request.Header.Get("X-Refuse") {
		case "yes":
			return &websockets.Error{Message: "No token", Code: "no_token", Status: 401}
		case "bare":
			return errors.New("secret detail")
		}
		return nil
	}}
	r := newTestServer(t, ep, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			head := upgradeHead
			for _, c := range tt.change {
				head = strings.Replace(head, c.from, c.to, 1)
			}
			resp := r.dial().request(head)
			if resp.Status != tt.status {
				t.Fatalf("status %d, want %d: %s", resp.Status, tt.status, resp.Body)
			}
			var body struct {
				StatusCode           int
				Message, Error, Code string
			}
			if err := json.Unmarshal([]byte(resp.Body), &body); err != nil {
				t.Fatalf("body %q: %v", resp.Body, err)
			}
			if body.StatusCode != tt.status || body.Message == "" || body.Error != http.StatusText(tt.status) || body.Code != tt.code {
				t.Errorf("body %s, want code %q", resp.Body, tt.code)
			}
			if strings.Contains(resp.Body, "secret") {
				t.Errorf("body contains too much: %s", resp.Body)
			}
			for k, v := range tt.headers {
				if resp.Header.Get(k) != v {
					t.Errorf("%s is %q, want %q", k, resp.Header.Get(k), v)
				}
			}
		})
	}
	p, s := r.connect()
	p.close(1000, "")
	s.reason(t)
}

func TestHandshakeAccepts(t *testing.T) {
	for _, tt := range []struct {
		name, headers, protocol string
	}{
		{"no subprotocol", "", ""},
		{"server's preference wins", "Sec-WebSocket-Protocol: v1, v2\r\n", "v2"},
		{"second choice", "Sec-WebSocket-Protocol: v0\r\nSec-WebSocket-Protocol: v1\r\n", "v1"},
		{"none in common", "Sec-WebSocket-Protocol: v9\r\n", ""},
		{"bytes", "Sec-WebSocket-Protocol: \xff\xfe\r\n", ""},
		{"strange extensions", "Sec-WebSocket-Extensions: __proto__; constructor" + strings.Repeat(";a=b", 1000) + ", x;;=,\r\n", ""},
		{"compression is off", "Sec-WebSocket-Extensions: permessage-deflate\r\n", ""},
		{"odd case", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestServer(t, nil, nil, Options{Subprotocols: []string{"v2", "v1"}})
			p := r.dial()
			head := strings.Replace(upgradeHead, "keep-alive, Upgrade\r\nUpgrade: websocket", "uPGRADE,close\r\nUpgrade: WebSocket", 1)
			resp := p.request(head + tt.headers)
			if resp.Status != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Fatalf("status %d, headers %v", resp.Status, resp.Header)
			}
			if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != tt.protocol {
				t.Errorf("subprotocol %q, want %q", got, tt.protocol)
			}
			if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
				t.Errorf("extensions %q", got)
			}
			p.text(`{"event":"e","data":1}`)
			p.want(`{"event":"e","data":1}`)
		})
	}
}

func TestLongSubprotocolHeaderIsCheap(t *testing.T) {
	r := newTestServer(t, nil, nil, Options{Subprotocols: []string{"v1"}})
	start := time.Now()
	r.connect("Sec-WebSocket-Protocol: " + strings.Repeat(" ,", 32<<10))
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestFramesSentAlongWithTheHandshake(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p := r.dial()
	b := []byte(upgradeHead + "\r\n")
	b = append(b, rawFrame(0x80|opText, []byte(`{"event":"a"}`))...)
	b = append(b, rawFrame(0x80|opText, []byte(`{"event":"b","data":"`+strings.Repeat("x", 6000)+`"}`))...)
	p.write(b)
	if resp := p.Answer(); resp.Status != 101 {
		t.Fatal(resp)
	}
	p.want(`{"event":"a"}`)
	if got := p.read(); len(got) < 6000 {
		t.Errorf("got %s", got)
	}
}

func TestHandshakeRequestOutlivesTheHandler(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, s := r.connect("X-Token: t")
	p.text(`{"event":"a"}`)
	p.want(`{"event":"a"}`) // by now the handler has returned
	req := s.handshake.Request
	if req.Context().Err() != nil || req.Header.Get("X-Token") != "t" || req.Body != http.NoBody {
		t.Errorf("request: context %v, header %v", req.Context().Err(), req.Header)
	}
	if len(s.conn.ID()) < 24 {
		t.Errorf("id %q is short", s.conn.ID())
	}
}

func TestAdmitIsBounded(t *testing.T) {
	ep := &endpoint{admit: func(ctx context.Context, _ *adapter.Handshake) error {
		<-ctx.Done()
		return &websockets.Error{Message: "too slow", Status: 408}
	}}
	r := newTestServer(t, ep, func(c *adapter.ServerConfig) { c.Limits.HandshakeTimeout = 20 * time.Millisecond })
	if resp := r.dial().request(upgradeHead); resp.Status != 408 {
		t.Errorf("status %d", resp.Status)
	}
}

func TestAdmitEndsWithTheServer(t *testing.T) {
	entered := make(chan struct{})
	ep := &endpoint{admit: func(ctx context.Context, _ *adapter.Handshake) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}}
	r := newTestServer(t, ep, nil)
	p := r.dial()
	p.write([]byte(upgradeHead + "\r\n"))
	<-entered
	if err := r.srv.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if resp := p.Answer(); resp.Status != 503 {
		t.Fatal(resp)
	}
	if resp := r.dial().request(upgradeHead); resp.Status != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("status %d after Close", resp.Status)
	}
}

func TestClientLeavesDuringAdmit(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	ep := &endpoint{admit: func(ctx context.Context, _ *adapter.Handshake) error {
		close(entered)
		<-ctx.Done()
		close(left)
		return ctx.Err()
	}}
	r := newTestServer(t, ep, nil)
	p := r.dial()
	p.write([]byte(upgradeHead + "\r\n"))
	<-entered
	p.Reset()
	<-left
}

func TestResponseWriterWithoutHijacker(t *testing.T) {
	r := newTestServer(t, nil, nil)
	req := httptest.NewRequest("GET", "/", nil)
	for _, line := range strings.Split(strings.TrimSpace(upgradeHead), "\r\n")[2:] {
		k, v, _ := strings.Cut(line, ": ")
		req.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	r.srv.ServeHTTP(rec, req)
	if rec.Code != 500 || !strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") {
		t.Errorf("status %d %s", rec.Code, rec.Body)
	}
}

// wrapped hides the Hijacker as middlewares do, behind Unwrap.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestResponseWriterBehindUnwrap(t *testing.T) {
	r := newTestServer(t, nil, nil)
	inner := r.http.Config.Handler
	r.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		inner.ServeHTTP(wrapped{w}, req)
	})
	p, _ := r.connect()
	p.text(`{"event":"a"}`)
	p.want(`{"event":"a"}`)
}

func TestPanicInConnectCutsTheConnection(t *testing.T) {
	r := newTestServer(t, &endpoint{prepare: func(*session) { panic("boom") }}, nil)
	p := r.dial()
	if resp := p.request(upgradeHead); resp.Status != 101 {
		t.Fatal(resp.Status)
	}
	p.WantEnd()
	if err := r.srv.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
