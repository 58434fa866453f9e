package websockets_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type Post struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

var (
	Posted  = websockets.NewEvent[Post]("posted")
	Confirm = websockets.NewCall[string, bool]("confirm")
	Name    = websockets.NewKey[string]("name")
)

// Chat is a gateway: a value with handlers and hooks.
type Chat struct {
	Server *websockets.Server `websockets:"server"`
}

func NewChat() *Chat { return &Chat{} }

func (g *Chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", g.Join),
		websockets.Listen("post", g.Post),
	}
}

// Join answers the client with the rooms it is in.
func (g *Chat) Join(ctx context.Context, room string) ([]string, error) {
	c := websockets.ClientFrom(ctx)
	if err := c.Join(room); err != nil {
		return nil, err
	}
	return c.Rooms(), nil
}

// Post sends the post to the others in the room.
func (g *Chat) Post(ctx context.Context, p Post) error {
	return Posted.Emit(ctx, g.Server.To(p.Room).Except(websockets.ClientFrom(ctx)), p)
}

func ExampleGateway() {
	var Module = module.New("chat", module.Providers(
		websockets.Gateway(NewChat, websockets.Path("/chat"), websockets.MaxRooms(20)),
	))
	fmt.Println(Module.Name())
	// Output: chat
}

// News sends to the clients of Chat, and does not depend on it: Chat may inject *News.
type News struct{ clients websockets.ServerOf[*Chat] }

func NewNews(clients websockets.ServerOf[*Chat]) *News { return &News{clients} }

func (n *News) Publish(ctx context.Context, text string) error {
	return Posted.Emit(ctx, n.clients.To("news"), Post{"news", text})
}

func ExampleServerOf() {
	ann := apptest.NewFakeClient("ann")
	_ = ann.Join("news")
	news := NewNews(websockets.ServerOf[*Chat]{Server: apptest.NewFakeServer(ann).Server()})
	err := news.Publish(context.Background(), "tea is ready")
	fmt.Println(ann.Sent()[0].Data, err)
	// Output: {news tea is ready} <nil>
}

// Handlers are methods: a unit test calls them with a fake client in the context.
func ExampleClientFrom() {
	ann := apptest.NewFakeClient("ann")
	rooms, err := NewChat().Join(websockets.WithClient(context.Background(), ann), "tea")
	fmt.Println(rooms, err)
	// Output: [tea] <nil>
}

func ExampleSelection() {
	ann, bob, cat := apptest.NewFakeClient("ann"), apptest.NewFakeClient("bob"), apptest.NewFakeClient("cat")
	g := &Chat{Server: apptest.NewFakeServer(ann, bob, cat).Server()}
	ctx := context.Background()

	g.Server.ToID("ann", "bob").Local().Join("tea")
	_ = Posted.Emit(ctx, g.Server.To("tea").Except(ann), Post{"tea", "hello"})
	n, _ := g.Server.To("tea").Count(ctx)

	fmt.Println(n, len(ann.Sent()), len(bob.Sent()), len(cat.Sent()))
	// Output: 2 0 1 0
}

func ExampleSelection_ToID() {
	ann := apptest.NewFakeClient("ann")
	server := apptest.NewFakeServer(ann, apptest.NewFakeClient("bob")).Server()
	_ = server.ToID("ann").Emit(context.Background(), "note", "for you")
	for _, s := range ann.Sent() {
		fmt.Println(s.Event, s.Data, s.To.IDs)
	}
	// Output: note for you [ann]
}

func ExampleCallEvent() {
	ann := apptest.NewFakeClient("ann")
	ann.OnCall = func(event string, question any) (any, error) { return question == "Delete all?", nil }

	yes, err := Confirm.Call(context.Background(), ann, "Delete all?")
	fmt.Println(yes, err)
	// Output: true <nil>
}

func ExampleCallEvent_CallAll() {
	ann, bob := apptest.NewFakeClient("ann"), apptest.NewFakeClient("bob")
	ann.OnCall = func(string, any) (any, error) { return true, nil }
	server := apptest.NewFakeServer(ann, bob).Server()

	votes, err := Confirm.CallAll(context.Background(), server, "Adopt?")
	for _, v := range votes.Answered {
		fmt.Println(v.ID, v.Value)
	}
	for _, m := range votes.Missing {
		fmt.Println(m.ID, m.Err)
	}
	fmt.Println(err)
	// Output:
	// ann true
	// bob websockets: client has disconnected
	// <nil>
}

func ExampleNewKey() {
	c := apptest.NewFakeClient("7")
	Name.Set(c, "Ann") // in a guard, or in HandleConnection
	name, ok := Name.Get(c)
	fmt.Println(name, ok)
	// Output: Ann true
}

// The gateway has Path("/rooms/{room}"), and declares the value as an option. In an application the framework sets it.
func ExamplePathValue() {
	var room = websockets.PathValue[int]("room")
	_ = websockets.Gateway(NewChat, websockets.Path("/rooms/{room}"), room)

	c := apptest.NewFakeClient("7")
	room.Set(c, 12) // only in unit tests
	n, err := room.From(websockets.WithClient(context.Background(), c))
	fmt.Println(n, err)
	// Output: 12 <nil>
}

// A request describes an event that clients send: one descriptor for both ends.
func ExampleNewRequest() {
	enter := websockets.NewRequest[string, int]("enter")
	sub := enter.On(func(_ context.Context, room string) (int, error) { return len(room), nil })

	fmt.Printf("%s %T\n", enter.Name(), sub)
	// Output: enter websockets.Subscription
}

func ExampleStream() {
	count := func(_ context.Context, n int) iter.Seq2[websockets.Response[int], error] {
		return func(yield func(websockets.Response[int], error) bool) {
			for i := range n {
				if !yield(websockets.Respond("tick", i+1), nil) {
					return // the client has left
				}
			}
		}
	}
	_ = websockets.Stream("count", count, websockets.Background(1))

	for tick := range count(context.Background(), 3) {
		fmt.Print(tick.Data, " ")
	}
	// Output: 1 2 3
}

// Admit checks a client before its handshake is accepted.
func ExampleAdmit() {
	check := func(_ context.Context, h *websockets.Handshake) error {
		if !strings.HasPrefix(h.Request.URL.Path, "/public/") {
			return &websockets.Error{Message: "Members only", Status: http.StatusForbidden}
		}
		return nil
	}
	_ = websockets.Gateway(NewChat, websockets.Admit(check))
}

// Scoped makes a value for each client and closes it when the client has gone.
func ExampleScoped() {
	carts := websockets.NewScoped(func(_ context.Context, c websockets.Client) (*strings.Builder, error) {
		return new(strings.Builder), nil
	}, nil)
	ctx := websockets.WithClient(context.Background(), apptest.NewFakeClient("7"))

	cart, _ := carts.Of(ctx)
	cart.WriteString("tea")
	same, _ := carts.Of(ctx)
	fmt.Println(same)
	// Output: tea
}
