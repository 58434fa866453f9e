// Package cluster has the code of docs/cluster.md.
package cluster

import (
	"context"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:gateway
type Chat struct {
	Server *websockets.Server `websockets:"server"`
}

func NewChat() *Chat { return &Chat{} }

func (g *Chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("join", g.Join), websockets.On("say", g.Say)}
}

func (g *Chat) Join(ctx context.Context, room string) (string, error) {
	return room, websockets.ClientFrom(ctx).Join(room)
}

func (g *Chat) Say(ctx context.Context, text string) (string, error) {
	return "sent", g.Server.To("tea").Emit(ctx, "said", text)
}

var Module = module.New("chat", module.Providers(websockets.Gateway(NewChat)))

// end

// Rooms uses what reaches clients of all nodes.
func (g *Chat) Rooms(ctx context.Context, id string) error {
	// snippet:verbs
	room := g.Server.To("tea")
	if err := room.Emit(ctx, "closing", 5); err != nil { // clients of all nodes
		return err
	}
	if err := g.Server.ToID(id).Join(ctx, "staff"); err != nil { // wherever it is connected
		return err
	}
	if err := room.ExceptRooms("staff").Disconnect(ctx); err != nil {
		return err
	}
	here := room.Local().Len() // of this node
	// end
	return g.Server.Emit(ctx, "left here", here)
}
