package ws

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const offerV1 = "Sec-WebSocket-Protocol: gatehouse.v1"

func TestV1IsSelected(t *testing.T) {
	for _, tt := range []struct {
		name, offer, want string
		opts              Options
	}{
		{"not offered", "", "", Options{}},
		{"alone", "gatehouse.v1", "gatehouse.v1", Options{}},
		{"with a token", "gatehouse.v1, bearer, abc", "gatehouse.v1", Options{Subprotocols: []string{"bearer"}}},
		{"before those of the application", "feed.v1, gatehouse.v1", "gatehouse.v1", Options{Subprotocols: []string{"feed.v1"}}},
		{"the highest that both know", "gatehouse.v9, gatehouse.v1", "gatehouse.v1", Options{}},
		{"another version", "gatehouse.v2", "", Options{}},
		{"another codec", "gatehouse.v1", "", Options{Codec: JSONArray()}},
		{"another codec, and a subprotocol", "gatehouse.v1, feed.v1", "feed.v1", Options{Codec: JSONArray(), Subprotocols: []string{"feed.v1"}}},
		{"another case", "GateHouse.V1", "GateHouse.V1", Options{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestServer(t, &endpoint{}, nil, tt.opts)
			p := r.dial()
			head := upgradeHead
			if tt.offer != "" {
				head += "Sec-WebSocket-Protocol: " + tt.offer + "\r\n"
			}
			resp := p.request(head)
			if got := resp.Header.Get("Sec-WebSocket-Protocol"); resp.Status != http.StatusSwitchingProtocols || got != tt.want {
				t.Fatalf("status %d, subprotocol %q, want %q", resp.Status, got, tt.want)
			}
			s := r.session()
			if strings.EqualFold(tt.want, protocolV1) {
				p.want(`{"session":{"id":"` + s.conn.ID() + `"}}`)
			}
			if err := s.conn.Emit(out("e", "1"), 0); err != nil {
				t.Fatal(err)
			}
			want := `{"event":"e","data":1}`
			if tt.opts.Codec == JSONArray() {
				want = `["e",1]`
			}
			p.want(want)
		})
	}
}

// Clients of both kinds in one broadcast: the frames are the same.
func TestV1SharesFrames(t *testing.T) {
	r := newTestServer(t, &endpoint{}, nil)
	plain, a := r.connect()
	v1, b := r.connect(offerV1)
	o := out("e", `{"a":1}`)
	for _, s := range []*session{a, b} {
		if err := s.conn.Emit(o, 0); err != nil {
			t.Fatal(err)
		}
	}
	plain.want(`{"event":"e","data":{"a":1}}`)
	v1.want(`{"session":{"id":"` + b.conn.ID() + `"}}`)
	v1.want(`{"event":"e","data":{"a":1}}`)
}

func refusing(status int) *endpoint {
	return &endpoint{admit: func(context.Context, *adapter.Handshake) error {
		return &websockets.Error{Message: "Not now", Code: "not_now", Status: status, Details: 7}
	}}
}

func TestExplainRefusals(t *testing.T) {
	for status, code := range map[int]int{401: 4401, 403: 4403, 0: 4403, 404: 4403, 400: 4403, 429: 4429, 503: 4503, 504: 4503, 500: 1011} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			r := newTestServer(t, refusing(status), nil, Options{ExplainRefusals: On, BinaryFrames: Off})
			p := r.dial()
			if resp := p.request(upgradeHead + offerV1 + "\r\n"); resp.Status != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Protocol") != "gatehouse.v1" {
				t.Fatalf("status %d %v", resp.Status, resp.Header)
			}
			_ = p.TrySend(`{"event":"too early"}`) // it must not reset the connection
			p.want(`{"event":"exception","data":{"status":"error","message":"Not now","code":"not_now","details":7}}`)
			p.wantClose(code, "Not now")
			p.close(code, "")
			p.WantEnd()
		})
	}
}

// What is refused by a limit, or for its origin, and clients that do not offer the subprotocol.
func TestExplainRefusalsOf(t *testing.T) {
	full := func(c *adapter.ServerConfig) {
		c.Reserve = func(*http.Request) (func(), error) {
			return nil, &websockets.Error{Message: "Too many", Code: "too_many_connections", Status: 429}
		}
	}
	for _, tt := range []struct {
		name, headers string
		change        func(*adapter.ServerConfig)
		opts          Options
		status        int
	}{
		{"a limit", offerV1, full, Options{ExplainRefusals: On}, 101},
		{"without the option", offerV1, full, Options{}, 429},
		{"without the subprotocol", "", full, Options{ExplainRefusals: On}, 429},
		{"another subprotocol", "Sec-WebSocket-Protocol: gatehouse.v2", full, Options{ExplainRefusals: On}, 429},
		{"another codec", offerV1, full, Options{ExplainRefusals: On, Codec: JSONArray()}, 429},
		{"a foreign origin", offerV1 + "\r\nOrigin: https://evil.example", nil, Options{ExplainRefusals: On}, 403},
		{"a malformed handshake", offerV1 + "\r\nContent-Length: 1", nil, Options{ExplainRefusals: On}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestServer(t, &endpoint{}, tt.change, tt.opts)
			p := r.dial()
			head := upgradeHead
			if tt.headers != "" {
				head += tt.headers + "\r\n"
			}
			if resp := p.request(head); resp.Status != tt.status {
				t.Fatalf("status %d, want %d: %s", resp.Status, tt.status, resp.Body)
			}
			if tt.status == http.StatusSwitchingProtocols {
				p.want(`{"event":"exception","data":{"status":"error","message":"Too many","code":"too_many_connections"}}`)
				p.wantClose(4429, "Too many")
			}
		})
	}
}

// TestExplainedRefusalsAreBounded: at most maxExplained at a time, however long their clients keep them open; the
// place of a connection is not held meanwhile longer than by the handshake, and each ends by itself.
func TestExplainedRefusalsAreBounded(t *testing.T) {
	r := newTestServer(t, refusing(403), nil, Options{ExplainRefusals: On})
	for range maxExplained { // as if so many were under way
		r.srv.explaining <- struct{}{}
	}
	if resp := r.dial().request(upgradeHead + offerV1 + "\r\n"); resp.Status != http.StatusForbidden {
		t.Errorf("status %d, want 403", resp.Status)
	}
	<-r.srv.explaining
	p := r.dial()
	if resp := p.request(upgradeHead + offerV1 + "\r\n"); resp.Status != http.StatusSwitchingProtocols {
		t.Fatalf("status %d, want 101", resp.Status)
	}
	p.read()
	p.wantClose(4403, "Not now")
	p.WantEnd() // although the client does not answer the close frame
	testkit.Eventually(t, "the place is free again", func() bool { return len(r.srv.explaining) == maxExplained-1 })
	for range maxExplained - 1 {
		<-r.srv.explaining
	}
}

// TestExplainedRefusalEndsWithTheServer: Close does not wait for clients that were refused.
func TestExplainedRefusalEndsWithTheServer(t *testing.T) {
	r := newTestServer(t, refusing(401), nil, Options{ExplainRefusals: On})
	p := r.dial()
	p.request(upgradeHead + offerV1 + "\r\n")
	p.read()
	if err := r.srv.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if n := r.srv.lives(); n != 0 {
		t.Errorf("%d handshakes are under way after Close", n)
	}
}

func TestRefusalCodes(t *testing.T) {
	r := newTestServer(t, &endpoint{}, nil)
	_, plain := r.connect()
	_, v1 := r.connect(offerV1)
	for status, want := range map[int]int{401: 4401, 403: 4403, 409: 4403, 429: 4429, 500: 1011, 503: 4503} {
		if got := plain.conn.(adapter.Refuser).RefusalCode(status); got != 0 {
			t.Errorf("%d without the subprotocol: %d, want 0", status, got)
		}
		if got := v1.conn.(adapter.Refuser).RefusalCode(status); got != want {
			t.Errorf("%d: %d, want %d", status, got, want)
		}
	}
}
