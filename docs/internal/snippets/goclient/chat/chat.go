package chat

import (
	"context"
	"iter"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:descriptors
type Message struct {
	Text string `json:"text"`
}

// What clients send.
var (
	Join    = websockets.NewRequest[string, int]("join")       // a name; answered by how many are in the room
	Post    = websockets.NewRequest[Message, struct{}]("post") // answered empty
	Typing  = websockets.NewEvent[string]("typing")            // not answered
	History = websockets.NewStream[int]("history", Past)       // how many; answered by a stream
)

// What the gateway sends.
var (
	Posted  = websockets.NewEvent[Message]("posted")
	Past    = websockets.NewEvent[Message]("past")        // an item of History
	Confirm = websockets.NewCall[string, bool]("confirm") // answered by the client
)

// end

var errFull = &websockets.Error{Message: "The room is full", Code: "full"}

type Gateway struct {
	Server *websockets.Server `websockets:"server"`
}

func NewGateway() *Gateway { return &Gateway{} }

// snippet:handlers
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		Join.On(g.join, websockets.Errors(errFull)),
		Post.On(g.post),
		Typing.On(g.typing),
		History.On(g.history, websockets.Background(1)),
	}
}

// end

func (g *Gateway) join(ctx context.Context, name string) (int, error) {
	if name == "" {
		return 0, errFull
	}
	if err := websockets.ClientFrom(ctx).Join("all"); err != nil {
		return 0, err
	}
	return g.Server.To("all").Count(ctx)
}

func (g *Gateway) post(ctx context.Context, m Message) (struct{}, error) {
	yes, err := Confirm.Call(ctx, websockets.ClientFrom(ctx), "Post it?")
	if err != nil || !yes {
		return struct{}{}, err
	}
	return struct{}{}, Posted.Emit(ctx, g.Server.To("all"), m)
}

func (g *Gateway) typing(ctx context.Context, name string) error { return nil }

func (g *Gateway) history(ctx context.Context, n int) iter.Seq2[websockets.Response[Message], error] {
	return func(yield func(websockets.Response[Message], error) bool) {
		for range n {
			if !yield(Past.Response(Message{Text: "hello"}), nil) {
				return
			}
		}
	}
}

var Module = module.New("chat", module.Providers(websockets.Gateway(NewGateway, websockets.Path("/chat/{room}"))))

func Main() { app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New())) }
