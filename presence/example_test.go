package presence_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/presence"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// User is what others see of a user.
type User struct {
	Name string `json:"name"`
}

// Online has the users in each room.
var Online = presence.New[User]("online")

type Chat struct {
	Server *websockets.Server `websockets:"server"`
}

func NewChat() *Chat { return &Chat{} }

func (g *Chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("enter", g.Enter), Online.On(g.Changed)}
}

// Enter joins the user's room; a real application takes the name from the token.
func (g *Chat) Enter(ctx context.Context, name string) ([]presence.Entry[User], error) {
	c := websockets.ClientFrom(ctx)
	if err := c.Join("lobby"); err != nil {
		return nil, err
	}
	if err := Online.Track(ctx, c, "lobby", name, User{Name: name}); err != nil {
		return nil, err
	}
	return Online.List(g.Server, "lobby"), nil
}

// Changed is called on every node, which sends the change to its own clients.
func (g *Chat) Changed(ctx context.Context, c presence.Change[User]) error {
	return g.Server.To(c.Room).Local().Emit(ctx, "online", c)
}

// Users of two nodes see each other.
func ExamplePresence() {
	test := func(t *testing.T) {
		nodes := apptest.NewCluster(t, 2, module.New("chat", module.Providers(websockets.Gateway(NewChat))), apptest.With(app.WebSockets(ws.New())))
		ann, bob := nodes.Node(0).DialWS("/"), nodes.Node(1).DialWS("/")

		ann.Call("enter", "Ann")
		bob.Call("enter", "Bob")
		for seen := false; !seen; { // Ann's node calls Changed about Ann and Bob, perhaps at once
			for _, e := range apptest.Expect[presence.Change[User]](ann, "online").Joined {
				seen = seen || e.Key == "Bob" && e.Metas[0].Value.Name == "Bob"
			}
		}
	}
	fmt.Println(testkit.RunTest(test))
	// Output: true
}

// A test of a handler alone.
func ExamplePresence_List() {
	ann, bob := apptest.NewFakeClient("1"), apptest.NewFakeClient("2")
	chat := &Chat{Server: apptest.NewFakeServer(ann, bob).Server()}
	for _, c := range []*apptest.FakeClient{ann, bob} {
		_, _ = chat.Enter(websockets.WithClient(context.Background(), c), "Ann") // at two devices
	}
	for _, e := range Online.List(chat.Server, "lobby") {
		fmt.Println(e.Key, len(e.Metas))
	}
	bob.Leave("lobby")
	ann.Disconnect()
	fmt.Println(len(Online.List(chat.Server, "lobby")))
	// Output:
	// Ann 2
	// 0
}
