package main

import (
	"context"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type News struct {
	Server *websockets.Server `websockets:"server"`
}

func NewNews() *News { return &News{} }

type Article struct {
	Topic string `json:"topic"`
	Title string `json:"title"`
}

var Published = websockets.NewEvent[Article]("published")

func (n *News) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("follow", n.Follow),
		websockets.Listen("publish", n.Publish),
	}
}

// Follow adds the client to the room of a topic and returns how many clients are in it.
func (n *News) Follow(ctx context.Context, topic string) (int, error) {
	if err := websockets.ClientFrom(ctx).Join(topic); err != nil {
		return 0, err
	}
	return n.Server.To(topic).Count(ctx)
}

// Publish sends the article to all clients that follow its topic.
func (n *News) Publish(ctx context.Context, a Article) error {
	return Published.Emit(ctx, n.Server.To(a.Topic), a)
}

var Module = module.New("news", module.Providers(websockets.Gateway(NewNews,
	websockets.Namespace("news"),
	websockets.Emits(Published),
)))

func main() { app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New())) }
