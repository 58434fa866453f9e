package chat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/text"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The events that the gateway sends to a room.
var (
	Joined = websockets.NewEvent[Presence]("joined")
	Left   = websockets.NewEvent[Presence]("left")
	Posted = websockets.NewEvent[Message]("message")
)

// Presence tells who came or went, and who is there now.
type Presence struct {
	Room    string   `json:"room"`
	Name    string   `json:"name"`
	Members []string `json:"members"`
}

// Message is what somebody said.
type Message struct {
	Room string    `json:"room"`
	Name string    `json:"name"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// Join asks to enter a room. Under which name, the client's token says.
type Join struct {
	Room text.Trimmed `json:"room" validate:"required,max=40"`
}

// Say is a message to the room that the client is in.
type Say struct {
	Text text.Trimmed `json:"text" validate:"required,max=2000"`
}

// CodeNoRoom is the code, for programs, of what needs a room.
const CodeNoRoom = "no_room"

var errNoRoom = &pipeline.Error{Message: "join a room first", Code: CodeNoRoom}

// place is where a client sits, and as whom.
type place struct{ room, name string }

// seat is the client's place. It lives and dies with the client.
var seat = websockets.NewKey[place]("seat")

// Gateway lets clients talk in rooms. Each is in one room at a time.
type Gateway struct {
	// Server is all clients, of all platforms. The framework sets it.
	Server *websockets.Server `websockets:"server"`

	rooms    *Rooms
	guard    *login.Guard
	limit    *RoomLimit
	messages atomic.Int64
	seating  sync.Mutex // who comes or goes and what is said about it: in one order
}

// NewGateway makes the gateway.
func NewGateway(rooms *Rooms, guard *login.Guard, limit *RoomLimit) *Gateway {
	return &Gateway{rooms: rooms, guard: guard, limit: limit}
}

// Subscriptions implements [websockets.Subscriber]. With `token` a client hands in a
// new token before its own ends.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", g.Join),
		websockets.Listen("say", g.Say, websockets.UseGuards(g.limit)),
		websockets.Listen("leave", g.Leave),
		g.guard.Refresh("token"),
	}
}

// Join enters a room, and leaves the one that the client was in. The answer is
// the room. Everybody in it hears `joined`, the client too: of the members in
// those events and in the answer, the ones that come last in an event are right.
func (g *Gateway) Join(ctx context.Context, in Join) (Room, error) {
	claims, ok := g.guard.From(ctx)
	if !ok {
		return Room{}, pipeline.ErrUnauthorized
	}
	at := place{room: string(in.Room), name: claims.Name}
	c := websockets.ClientFrom(ctx)
	g.seating.Lock()
	defer g.seating.Unlock()
	g.vacate(ctx, c)
	if err := c.Join(at.room); err != nil {
		return Room{}, err
	}
	seat.Set(c, at)
	room := g.rooms.Enter(at.room, c.ID(), at.name)
	return room, Joined.Emit(ctx, g.Server.To(at.room), Presence{at.room, at.name, room.Members})
}

// Say sends `message` to everybody in the client's room, the client too.
func (g *Gateway) Say(ctx context.Context, in Say) error {
	at, ok := seat.Get(websockets.ClientFrom(ctx))
	if !ok {
		return errNoRoom
	}
	return g.Post(ctx, at.room, at.name, string(in.Text))
}

// Post sends `message` to a room. Others than clients may say something too; what it
// is given has been validated.
func (g *Gateway) Post(ctx context.Context, room, name, text string) error {
	g.messages.Add(1)
	return Posted.Emit(ctx, g.Server.To(room), Message{room, name, text, time.Now().UTC()})
}

// Leave leaves the room. The client is told `left` as well.
func (g *Gateway) Leave(ctx context.Context, _ struct{}) error {
	c := websockets.ClientFrom(ctx)
	g.seating.Lock()
	defer g.seating.Unlock()
	if _, ok := seat.Get(c); !ok {
		return errNoRoom
	}
	g.vacate(ctx, c)
	return nil
}

// HandleDisconnect leaves the room of a client that is gone.
func (g *Gateway) HandleDisconnect(ctx context.Context, c websockets.Client, _ websockets.Reason) {
	g.seating.Lock()
	defer g.seating.Unlock()
	g.vacate(ctx, c)
}

// vacate is called with seating held.
func (g *Gateway) vacate(ctx context.Context, c websockets.Client) {
	at, ok := seat.Get(c)
	if !ok {
		return
	}
	seat.Delete(c)
	room := g.rooms.Exit(at.room, c.ID())
	// A Presence always encodes, and in a broadcast a client that is gone or slow is no error.
	_ = Left.Emit(ctx, g.Server.To(at.room), Presence{at.room, at.name, room.Members})
	c.Leave(at.room)
}

// Clients is how many are connected.
func (g *Gateway) Clients() int { return g.Server.Local().Len() }

// Messages is how many have been sent since the start.
func (g *Gateway) Messages() int64 { return g.messages.Load() }
