package doors_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// A handshake at a path or for a namespace without a gateway is refused.
func TestPathsWithoutGateway(t *testing.T) {
	refused := func(t *testing.T, s *stage.Stage, answers map[string]string) {
		t.Helper()
		for path, message := range answers {
			p := rawpeer.Dial(t, s.Addr)
			p.Write(rawpeer.Upgrade(path))
			if a := p.Answer(); a.Status != http.StatusNotFound || a.Get("message") != message || a.Get("code") != "not_found" {
				t.Errorf("%s is answered %d %s, want 404 %s", path, a.Status, a.Body, message)
			}
			p.Close()
		}
		if n := s.Connects(); n != 0 {
			t.Errorf("%d connects", n)
		}
	}
	const nowhere = "No gateway at this path"
	t.Run(plain, func(t *testing.T) {
		s := stage.New(t, ws.New(), stage.Gateway(websockets.Path("/chat")))
		refused(t, s, map[string]string{"/": nowhere, "/nowhere": nowhere, "/chat/more": nowhere})
		rawpeer.AliveWS(t, s.Addr, "/chat")
	})
	t.Run(overWS, func(t *testing.T) {
		s := stage.New(t, socketio.New(), stage.Gateway(websockets.Namespace("/chat")))
		const query = "?EIO=4&transport=websocket"
		refused(t, s, map[string]string{"/nowhere/" + query: nowhere, "/socket.io/more/" + query: "Not found"})
		w := rawpeer.NewEngine(t, s.Addr).WebSocket()
		w.Send("40")
		w.Want(`44{"message":"Invalid namespace"}`)
		w.Send("40/nowhere,")
		w.Want(`44/nowhere,{"message":"Invalid namespace"}`)
		rawpeer.Enter(t, w, "/chat", "")
	})
}
