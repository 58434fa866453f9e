package chat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/text"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/presence"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Events that the gateway emits to a room.
var (
	Joined = websockets.NewEvent[Presence]("joined")
	Left   = websockets.NewEvent[Presence]("left")
	Posted = websockets.NewEvent[Message]("message")
	Listed = websockets.NewEvent[Room]("members")
)

// Here has the names in each room, of the clients of all nodes.
var Here = presence.New[struct{}]("here", presence.Linger(0))

// Welcome is the first event of each client, where there are several nodes.
var Welcome = websockets.NewEvent[Node]("node")

// Node is the name of a node, a process of the application.
type Node string

// Presence reports who joined or left a room, and its members on that node.
type Presence struct {
	Room    string   `json:"room"`
	Name    string   `json:"name"`
	Members []string `json:"members"`
	Node    Node     `json:"node,omitempty"`
}

// Message is a chat message.
type Message struct {
	Room string    `json:"room"`
	Name string    `json:"name"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// Join is the payload of `join`. The member's name comes from the token.
type Join struct {
	Room text.Trimmed `json:"room" validate:"required,max=40"`
}

// Say is the payload of `say`, a message to the client's room.
type Say struct {
	Text text.Trimmed `json:"text" validate:"required,max=2000"`
}

// CodeNoRoom is the code of errors of clients without a room.
const CodeNoRoom = "no_room"

var errNoRoom = &pipeline.Error{Message: "join a room first", Code: CodeNoRoom}

// membership is the room of a client, and its name there.
type membership struct{ room, name string }

// membershipKey is a value of the client: it ends with the connection.
var membershipKey = websockets.NewKey[membership]("membership")

// Gateway is the chat. Each client is in at most one room.
type Gateway struct {
	// Server reaches the clients of all platforms. The framework sets it.
	Server *websockets.Server `websockets:"server"`

	rooms     *Rooms
	guard     *login.Guard
	limit     *RoomLimit
	node      Node
	messages  atomic.Int64
	membersMu sync.Mutex // keeps changes of rooms and their events in one order
}

// NewGateway returns the gateway.
func NewGateway(rooms *Rooms, guard *login.Guard, limit *RoomLimit, node Node) *Gateway {
	return &Gateway{rooms: rooms, guard: guard, limit: limit, node: node}
}

// Subscriptions implements [websockets.Subscriber]. A client sends `token` with a new
// token before its current one expires.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", g.Join),
		websockets.Listen("say", g.Say, websockets.UseGuards(g.limit), websockets.Errors(errNoRoom)),
		websockets.Listen("leave", g.Leave, websockets.Errors(errNoRoom)),
		g.guard.Refresh("token"),
		Here.On(g.listMembers),
	}
}

// HandleConnection implements [websockets.OnGatewayConnection].
func (g *Gateway) HandleConnection(ctx context.Context, c websockets.Client) error {
	if g.node == "" {
		return nil
	}
	return Welcome.Emit(ctx, c, g.node)
}

// Join leaves the client's current room, joins another one and returns it. All members,
// the client included, receive `joined`. The last event has the current members.
func (g *Gateway) Join(ctx context.Context, in Join) (Room, error) {
	claims, ok := g.guard.From(ctx)
	if !ok {
		return Room{}, pipeline.ErrUnauthorized
	}
	m := membership{room: string(in.Room), name: claims.Name}
	c := websockets.ClientFrom(ctx)
	g.membersMu.Lock()
	defer g.membersMu.Unlock()
	g.leaveRoom(ctx, c)
	if err := c.Join(m.room); err != nil {
		return Room{}, err
	}
	if err := Here.Track(ctx, c, m.room, m.name, struct{}{}); err != nil {
		c.Leave(m.room)
		return Room{}, err
	}
	membershipKey.Set(c, m)
	room := g.rooms.Join(m.room, c.ID(), m.name)
	return room, Joined.Emit(ctx, g.Server.To(m.room), Presence{m.room, m.name, room.Members, g.node})
}

// listMembers emits `members`, those on all nodes, to the clients of this node in a room where they have
// changed. Every node does.
func (g *Gateway) listMembers(ctx context.Context, c presence.Change[struct{}]) error {
	r := Room{Room: c.Room, Members: []string{}}
	for _, e := range Here.List(g.Server, c.Room) {
		r.Members = append(r.Members, e.Key)
	}
	return Listed.Emit(ctx, g.Server.To(c.Room).Local(), r)
}

// Say emits `message` to all members of the client's room, the client included.
func (g *Gateway) Say(ctx context.Context, in Say) error {
	m, ok := membershipKey.Get(websockets.ClientFrom(ctx))
	if !ok {
		return errNoRoom
	}
	return g.Post(ctx, m.room, m.name, string(in.Text))
}

// Post emits `message` to a room. The controller calls it too. The arguments must be
// validated.
func (g *Gateway) Post(ctx context.Context, room, name, text string) error {
	g.messages.Add(1)
	return Posted.Emit(ctx, g.Server.To(room), Message{room, name, text, time.Now().UTC()})
}

// Leave leaves the client's room. The client also receives `left`.
func (g *Gateway) Leave(ctx context.Context, _ struct{}) error {
	c := websockets.ClientFrom(ctx)
	g.membersMu.Lock()
	defer g.membersMu.Unlock()
	if _, ok := membershipKey.Get(c); !ok {
		return errNoRoom
	}
	g.leaveRoom(ctx, c)
	return nil
}

// HandleDisconnect implements [websockets.OnGatewayDisconnect]: it leaves the room.
func (g *Gateway) HandleDisconnect(ctx context.Context, c websockets.Client, _ websockets.Reason) {
	g.membersMu.Lock()
	defer g.membersMu.Unlock()
	g.leaveRoom(ctx, c)
}

// leaveRoom requires membersMu.
func (g *Gateway) leaveRoom(ctx context.Context, c websockets.Client) {
	m, ok := membershipKey.Get(c)
	if !ok {
		return
	}
	membershipKey.Delete(c)
	room := g.rooms.Leave(m.room, c.ID())
	// Cannot fail: a Presence encodes, and broadcasts ignore closed and slow clients.
	_ = Left.Emit(ctx, g.Server.To(m.room), Presence{m.room, m.name, room.Members, g.node})
	c.Leave(m.room)
}

// Clients returns the number of connected clients.
func (g *Gateway) Clients() int { return g.Server.Local().Len() }

// Messages returns the number of messages since the start.
func (g *Gateway) Messages() int64 { return g.messages.Load() }
