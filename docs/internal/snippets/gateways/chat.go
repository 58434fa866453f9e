// Package gateways is the code of docs/gateways.md.
package gateways

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Post is one message of a room.
//
// snippet:events
type Post struct {
	Room   string `json:"room"`
	Author string `json:"author"`
	Text   string `json:"text"`
}

var (
	Posted  = websockets.NewEvent[Post]("posted")         // server to client
	Welcome = websockets.NewEvent[string]("welcome")      // server to client
	Confirm = websockets.NewCall[string, bool]("confirm") // server to client, with an answer
	User    = websockets.NewKey[string]("user")           // a value of each client

	// Clients that cannot receive it immediately miss it.
	Typing = websockets.NewEvent[string]("typing", websockets.Volatile())
)

// end

// Chat is the gateway.
//
// snippet:gateway
type Chat struct {
	Server *websockets.Server `websockets:"server"` // set before AfterInit
	tokens Tokens
}

func NewChat(tokens Tokens) *Chat { return &Chat{tokens: tokens} }

func (g *Chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", g.Join),                                 // the result answers the request
		websockets.On("me", g.Me),                                     // sends another event
		websockets.On("clear", g.Clear),                               // calls the client
		websockets.On("vote", g.Vote),                                 // calls all clients in a room
		websockets.Listen("post", g.Post),                             // no result
		websockets.Stream("count", g.Count, websockets.Background(2)), // many results
		websockets.Fallback(g.Unknown),                                // every other event
		websockets.OnAny(g.Trace),                                     // observes every message
	}
}

// end

// Tokens maps tokens to users.
type Tokens map[string]string

var errEmpty = errors.New("rooms: no such table") // as a database would say

// Join adds the client to a room and returns how many clients are in it.
//
// snippet:join
func (g *Chat) Join(ctx context.Context, room string) (int, error) {
	if room == "" {
		return 0, &websockets.Error{Message: "A room has a name", Code: "no_name"}
	}
	if err := websockets.ClientFrom(ctx).Join(room); err != nil {
		return 0, err
	}
	return g.Server.To(room).Count(ctx)
}

// end

// Me sends an event instead of an answer.
//
// snippet:me
func (g *Chat) Me(ctx context.Context, _ struct{}) (websockets.Response[string], error) {
	user, _ := User.Get(websockets.ClientFrom(ctx))
	return Welcome.Response(user), nil
}

// end

// Post sends the post to the other clients in the room.
//
// snippet:post
func (g *Chat) Post(ctx context.Context, p Post) error {
	c := websockets.ClientFrom(ctx)
	p.Author, _ = User.Get(c)
	return Posted.Emit(ctx, g.Server.To(p.Room).Except(c), p)
}

// end

// Clear asks first.
//
// snippet:clear
func (g *Chat) Clear(ctx context.Context, room string) (bool, error) {
	sure, err := Confirm.Call(ctx, websockets.ClientFrom(ctx), "Clear "+room+"?")
	if err != nil || !sure {
		return false, err
	}
	return true, g.clear(ctx, room)
}

// end

func (g *Chat) clear(ctx context.Context, room string) error {
	if n, err := g.Server.To(room).Count(ctx); err != nil || n == 0 {
		return errEmpty
	}
	return nil
}

// Count sends numbers.
//
// snippet:count
func (g *Chat) Count(ctx context.Context, n int) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		for i := range n {
			if ctx.Err() != nil || !yield(websockets.Respond("count", i+1), nil) {
				return
			}
		}
	}
}

// end

// Unknown answers events without a handler.
//
// snippet:fallback
func (g *Chat) Unknown(_ context.Context, event string, _ websockets.Payload) (string, error) {
	return "", websockets.NewError("There is no event " + event)
}

// end

// Trace looks at every message.
//
// snippet:any
func (g *Chat) Trace(ctx context.Context, event string, p websockets.Payload) {
	slog.DebugContext(ctx, "received", "event", event, "bytes", p.Size(), "client", websockets.ClientFrom(ctx).ID())
}

// end

// Vote calls all clients in a room, and counts those that agree.
//
// snippet:callall
func (g *Chat) Vote(ctx context.Context, room string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	votes, err := Confirm.CallAll(ctx, g.Server.To(room), "Close "+room+"?")
	if err != nil && !errors.Is(err, context.DeadlineExceeded) { // late answers do not count
		return 0, err
	}
	yes := 0
	for _, v := range votes.Answered { // v.Client has answered v.Value
		if v.Value {
			yes++
		}
	}
	return yes, nil
}

// end

// NewTenants serves a namespace for every tenant.
//
// snippet:tenants
func NewTenants(known map[string]bool) websockets.Option {
	return websockets.NamespaceFunc("tenants", func(namespace string) bool {
		return known[strings.TrimPrefix(namespace, "/")]
	})
}

// end

// AfterInit and the other hooks are optional.
//
// snippet:hooks
func (g *Chat) AfterInit(ctx context.Context, s *websockets.Server) error { return nil }

func (g *Chat) HandleConnection(ctx context.Context, c websockets.Client) error {
	if c.Recovered() {
		return nil // its rooms are restored
	}
	user, _ := User.Get(c) // set by the check of Admit
	return c.Join("user:" + user)
}

func (g *Chat) HandleDisconnect(ctx context.Context, c websockets.Client, r websockets.Reason) {
	user, _ := User.Get(c)
	_ = g.Server.To(c.Rooms()...).Emit(ctx, "left", user)
}

// end

// GatewayOptions come after injection.
//
// snippet:admit
func (g *Chat) GatewayOptions() []websockets.Option {
	return []websockets.Option{websockets.Admit(g.admit)}
}

func (g *Chat) admit(_ context.Context, h *websockets.Handshake) error {
	auth := struct{ Token string }{h.Request.URL.Query().Get("token")}
	if err := h.Auth.Decode(&auth); err != nil { // Socket.IO's auth; empty elsewhere
		return err
	}
	user, ok := g.tokens[auth.Token]
	if !ok {
		return &websockets.Error{Message: "Unknown token", Code: "no_token", Status: 401}
	}
	User.Set(h, user)
	return nil
}

// end

// Module has the gateway.
//
// snippet:module
var Module = module.New("chat",
	module.Providers(module.Value(Tokens{"t1": "ada", "t2": "bob"})),
	module.Exports(websockets.Gateway(NewChat,
		websockets.MaxRooms(50),
		websockets.WithLimits(websockets.Limits{MaxMessage: 64 << 10}),
		websockets.Emits(Posted, Welcome, Confirm),
	)),
)

// end
