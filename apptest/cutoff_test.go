package apptest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// A frame that is cut off is the end of the connection, and not a message.
func TestFrameCutOff(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Accept: " + rfc6455.AcceptKey(r.Header.Get("Sec-WebSocket-Key")) + "\r\n\r\n"))
		_, _ = conn.Write([]byte{0x81, 100}) // the header of a text frame
		_ = conn.Close()
	}))
	t.Cleanup(server.Close)
	if got := apptest.DialWS(t, server.URL).ExpectClose(); got.Code != 1006 {
		t.Errorf("close %+v", got)
	}
}
