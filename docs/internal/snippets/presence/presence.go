// Package presence has the code of docs/presence.md.
package presence

import (
	"context"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/presence"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:gateway
type User struct {
	Name   string `json:"name"`
	Device string `json:"device"`
}

var Online = presence.New[User]("online")

type Chat struct {
	Server *websockets.Server `websockets:"server"`
}

func NewChat() *Chat { return &Chat{} }

func (g *Chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("enter", g.Enter), Online.On(g.Changed)}
}

// Enter returns the users in the room.
func (g *Chat) Enter(ctx context.Context, room string) ([]presence.Entry[User], error) {
	c := websockets.ClientFrom(ctx)
	if err := c.Join(room); err != nil {
		return nil, err
	}
	id, user := identify(c)
	if err := Online.Track(ctx, c, room, id, user); err != nil {
		return nil, err
	}
	return Online.List(g.Server, room), nil
}

// Changed is called on every node, which sends the change to its own clients.
func (g *Chat) Changed(ctx context.Context, c presence.Change[User]) error {
	return g.Server.To(c.Room).Local().Emit(ctx, "online", c)
}

// end

var Module = module.New("chat", module.Providers(websockets.Gateway(NewChat)))

// identify returns the user of a client, which a guard would have found.
func identify(c websockets.Client) (id string, u User) {
	q := c.Request().URL.Query()
	return q.Get("user"), User{Name: q.Get("user"), Device: q.Get("device")}
}

// snippet:limits
var Viewers = presence.New[struct{}]("viewers",
	presence.Limits(100_000, 500_000, 16), // of a room, of all rooms, bytes of a value
	presence.Linger(0),                    // a key that is gone has left at once
)

// end
