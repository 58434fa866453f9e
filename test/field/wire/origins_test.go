package wire_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestField_X23_Origins: Origins were compared as text; they are compared as in RFC 6454, without the default ports of http
// and https, with each other and with the Host of the request, and those of web views, such as capacitor://localhost, can be
// allowed.
func TestField_X23_Origins(t *testing.T) {
	list := websockets.Origins("https://A.example:443/", "https://*.b.example:443", "http://[0:0:0:0:0:0:0:1]:3000", "capacitor://localhost", "file://")
	for _, server := range []struct {
		name     string
		platform adapter.Adapter
		target   string
	}{
		{"ws", ws.New(), "/"},
		{"socketio", socketio.New(), "/socket.io/?EIO=4&transport=websocket"},
		{"polling", socketio.New(), "/socket.io/?EIO=4&transport=polling"},
		{"zishang", zishang.New(), "/socket.io/?EIO=4&transport=websocket"},
	} {
		t.Run(server.name, func(t *testing.T) {
			s := stage.New(t, server.platform, stage.Gateway(list), stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond}))
			for _, tt := range []struct {
				host, origin string
				allowed      bool
			}{
				{"x.example:443", "https://x.example", true},
				{"x.example", "https://x.example:443", true},
				{"X.example:80", "http://x.example", true},
				{"[::1]:80", "http://[::1]", true},
				{"x.example:80", "https://x.example", false},
				{"x.example:8443", "https://x.example", false},
				{"x.example", "https://a.example", true},
				{"x.example", "https://a.example:443", true},
				{"x.example", "https://a.example:444", false},
				{"x.example", "https://deep.in.b.example", true},
				{"x.example", "https://b.example", false},
				{"x.example", "http://[::1]:3000", true},
				{"x.example", "capacitor://localhost", true},
				{"x.example", "https://localhost", false},
				{"x.example", "file://", true},
				{"x.example", "null", false},
				{"x.example", "https://a.example/", false},
				{"x.example", "https://a.example/path?q", false},
				{"x.example", "https://user@a.example", false},
				{"x.example", "a.example", false},
			} {
				lines := []string{"Host: " + tt.host, "Origin: " + tt.origin}
				raw, opened := rawpeer.Upgrade(server.target, lines...), http.StatusSwitchingProtocols
				if strings.HasSuffix(server.target, "polling") {
					raw, opened = rawpeer.Request(http.MethodGet, server.target, lines...)+"\r\n", http.StatusOK
				}
				want := http.StatusForbidden
				if tt.allowed {
					want = opened
				}
				p := rawpeer.Dial(t, s.Addr)
				p.Write(raw)
				if a := p.Answer(); a.Status != want {
					t.Errorf("Host %s, Origin %s: %d %.100s, want %d", tt.host, tt.origin, a.Status, a.Body, want)
				}
				p.Close()
			}
		})
	}
}
