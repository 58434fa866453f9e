package socketio_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// handshakeOf returns a polling handshake of an application with one gateway.
func handshakeOf(t *testing.T, adapter adapter.Adapter, opts ...websockets.Option) (cookie, open string) {
	t.Helper()
	gateway := websockets.Gateway(func() *echoes { return &echoes{} }, opts...)
	a := apptest.New(t, module.New("root", module.Providers(gateway)), apptest.With(app.WebSockets(adapter)))
	resp, err := http.Get(a.URL() + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	bye, err := http.Post(a.URL()+"/socket.io/?EIO=4&transport=polling&sid="+sid, "text/plain", strings.NewReader("1"))
	if err != nil {
		t.Fatal(err)
	}
	bye.Body.Close()
	return resp.Header.Get("Set-Cookie"), string(b)
}

// Options can be set on the adapter and on a gateway.
func TestOptionsOfAnApplication(t *testing.T) {
	adapter := socketio.New(socketio.Options{Cookie: &http.Cookie{Name: "lb"}})
	cookie, open := handshakeOf(t, adapter)
	if !strings.HasPrefix(cookie, "lb=") || !strings.Contains(open, `"upgrades":["websocket"]`) {
		t.Errorf("%s %s", cookie, open)
	}
	cookie, open = handshakeOf(t, adapter, socketio.Options{Upgrades: socketio.Off, Cookie: &http.Cookie{Name: "own"}})
	if !strings.HasPrefix(cookie, "own=") || !strings.Contains(open, `"upgrades":[]`) {
		t.Errorf("with options of the gateway: %s %s", cookie, open)
	}
	if cookie, _ := handshakeOf(t, adapter, socketio.Options{Upgrades: socketio.Off}); !strings.HasPrefix(cookie, "lb=") {
		t.Errorf("what the gateway does not say: %s", cookie)
	}
}
