// Command gws is plain WebSocket on lxzan/gws, by hand.
package main

import (
	"net/http"

	"github.com/gatehouse-go/gatehouse/bench/internal/plain"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/lxzan/gws"
)

type handler struct {
	gws.BuiltinEventHandler
	hub *plain.Hub[*gws.Conn]
}

func main() { serve.Main(run) }

func run() error {
	upgrader := gws.NewUpgrader(&handler{hub: plain.NewHub[*gws.Conn]()}, &gws.ServerOption{
		CheckUtf8Enabled: true,
		Recovery:         gws.Recovery,
	})
	return serve.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		go c.ReadLoop()
	}))
}

// OnOpen is called for each client.
func (h *handler) OnOpen(c *gws.Conn) { h.hub.Add(c) }

// OnClose is called when a client has gone.
func (h *handler) OnClose(c *gws.Conn, _ error) { h.hub.Remove(c) }

// OnMessage is called for each message.
func (h *handler) OnMessage(c *gws.Conn, msg *gws.Message) {
	defer func() { _ = msg.Close() }()
	answer, all, err := plain.Handle(msg.Bytes())
	switch {
	case err != nil:
	case all:
		h.shout(answer)
	default:
		err = c.WriteMessage(gws.OpcodeText, answer)
	}
	if err != nil {
		c.WriteClose(1011, nil)
	}
}

func (h *handler) shout(msg []byte) {
	b := gws.NewBroadcaster(gws.OpcodeText, msg)
	defer func() { _ = b.Close() }()
	for _, c := range h.hub.All() {
		_ = b.Broadcast(c) // its own reader notices
	}
}
