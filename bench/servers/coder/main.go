// Command coder is plain WebSocket on coder/websocket, by hand.
package main

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/bench/internal/plain"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
)

type server struct{ hub *plain.Hub[*websocket.Conn] }

func main() {
	serve.Main(func() error { return serve.HTTP(&server{hub: plain.NewHub[*websocket.Conn]()}) })
}

// ServeHTTP serves one client.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	s.hub.Add(c)
	defer s.hub.Remove(c)
	ctx := r.Context()
	for {
		_, msg, err := c.Read(ctx)
		if err != nil {
			return
		}
		answer, all, err := plain.Handle(msg)
		switch {
		case err != nil:
		case all:
			s.shout(ctx, answer)
		default:
			err = c.Write(ctx, websocket.MessageText, answer)
		}
		if err != nil {
			return
		}
	}
}

func (s *server) shout(ctx context.Context, msg []byte) {
	for _, c := range s.hub.All() {
		_ = c.Write(ctx, websocket.MessageText, msg) // its own reader notices
	}
}
