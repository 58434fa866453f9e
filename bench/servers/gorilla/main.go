// Command gorilla is plain WebSocket on gorilla/websocket, by hand.
package main

import (
	"net/http"
	"sync"

	"github.com/gatehouse-go/gatehouse/bench/internal/plain"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/gorilla/websocket"
)

// client guards a connection: gorilla allows one writer at a time.
type client struct {
	conn *websocket.Conn
	mu   sync.Mutex
}

func (c *client) write(msg []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.WriteMessage(websocket.TextMessage, msg)
}

func (c *client) writePrepared(msg *websocket.PreparedMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.WritePreparedMessage(msg)
}

type server struct {
	upgrader websocket.Upgrader
	hub      *plain.Hub[*client]
}

func main() {
	serve.Main(func() error { return serve.HTTP(&server{hub: plain.NewHub[*client]()}) })
}

// ServeHTTP serves one client.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &client{conn: conn}
	defer func() { _ = conn.Close() }()
	s.hub.Add(c)
	defer s.hub.Remove(c)
	for {
		_, msg, err := conn.ReadMessage()
		if err != nil {
			return
		}
		answer, all, err := plain.Handle(msg)
		switch {
		case err != nil:
		case all:
			err = s.shout(answer)
		default:
			err = c.write(answer)
		}
		if err != nil {
			return
		}
	}
}

func (s *server) shout(msg []byte) error {
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, msg)
	if err != nil {
		return err
	}
	for _, c := range s.hub.All() {
		_ = c.writePrepared(prepared) // its own reader notices
	}
	return nil
}
