package apptest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// dialer connects the client under test to npm's server of its protocol.
type dialer func(opts ...apptest.DialOption) *apptest.Client

// bothProtocols runs a test against npm's socket.io and against npm's ws.
func bothProtocols(t *testing.T, test func(t *testing.T, dial dialer)) {
	t.Helper()
	n := nodetest.Start(t)
	t.Run("socketio", func(t *testing.T) {
		url := n.ServeSocketIO(nil)
		test(t, func(opts ...apptest.DialOption) *apptest.Client { return apptest.DialSocketIO(t, url, opts...) })
	})
	t.Run("ws", func(t *testing.T) {
		url := n.ServePlain()
		test(t, func(opts ...apptest.DialOption) *apptest.Client { return apptest.DialWS(t, url, opts...) })
	})
}

// serve starts an in-process WebSocket server that runs handle for each connection, to
// send what a correct server never sends.
func serve(t *testing.T, handle func(*websocket.Conn)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		handle(conn)
		_ = conn.CloseNow()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// write sends text messages. Errors show at the client.
func write(conn *websocket.Conn, texts ...string) {
	for _, s := range texts {
		_ = conn.Write(noContext, websocket.MessageText, []byte(s))
	}
}

// drain reads until the connection closes, so that pings are answered.
func drain(conn *websocket.Conn) {
	for {
		if _, _, err := conn.Read(noContext); err != nil {
			return
		}
	}
}

// openSocketIO performs the server side of the handshake.
func openSocketIO(conn *websocket.Conn) {
	write(conn, `0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`)
	_, _, _ = conn.Read(noContext)
	write(conn, `40{"sid":"s"}`)
}
