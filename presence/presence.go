// Package presence lists the users in the rooms of a gateway, or documents or devices, on all nodes
// of the application, with data of yours.
//
//	var Online = presence.New[User]("online")
//
//	func (g *Chat) Subscriptions() []websockets.Subscription {
//		return []websockets.Subscription{websockets.On("enter", g.Enter), Online.On(g.changed)}
//	}
//
//	func (g *Chat) Enter(ctx context.Context, room string) ([]presence.Entry[User], error) {
//		c := websockets.ClientFrom(ctx)
//		if err := c.Join(room); err != nil {
//			return nil, err
//		}
//		u := userOf(c)
//		if err := Online.Track(ctx, c, room, u.ID, u); err != nil {
//			return nil, err
//		}
//		return Online.List(g.Server, room), nil
//	}
//
//	// changed is called on every node, which sends the change to its own clients.
//	func (g *Chat) changed(ctx context.Context, c presence.Change[User]) error {
//		return g.Server.To(c.Room).Local().Emit(ctx, "online", c)
//	}
//
// Every node has a replica of what all nodes track, so reading waits for nothing. Replicas are the
// same soon after each change; what a node has tracked ends with it.
package presence

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Errors of [Presence.Track]. Another one is websockets.ErrClosed: the client has left.
var (
	// ErrNotInRoom: call Join first.
	ErrNotInRoom = roster.ErrNotInRoom
	// ErrFull: the room or the presence has as many entries as it may have, or the client 1,000.
	ErrFull = roster.ErrFull
	// ErrSize: the value, the key or the room's name is too long, or the entry for a message of the backplane.
	ErrSize = roster.ErrSize
	// ErrText: the key or the room's name is not UTF-8.
	ErrText = roster.ErrText
)

// Presence is one kind of being there, such as users that are online, with data of type T for each
// connection. Declare it once, in a package variable. It is immutable and safe for concurrent use.
type Presence[T any] struct {
	decl   roster.Decl
	linger time.Duration
}

// Option configures a [Presence].
type Option func(*options)

type options struct {
	decl   roster.Decl
	linger time.Duration
}

// Limits bounds what is tracked: entries of a room, entries of all rooms, and the bytes of one
// value as JSON, at most 64 KiB. Entries are counted on all nodes. Defaults 10,000, 100,000 and
// 4 KiB; zero keeps the default. Nodes that track at the same moment may exceed the number of
// entries a little.
func Limits(perRoom, entries, valueBytes int) Option {
	return func(o *options) {
		set := func(to *int, v int) {
			if v > 0 {
				*to = v
			}
		}
		set(&o.decl.PerRoom, perRoom)
		set(&o.decl.Entries, entries)
		set(&o.decl.Bytes, valueBytes)
	}
}

// Linger sets for how long a key has to be gone before [Presence.On] reports that it has left.
// Default 2 s: who loads a page again, or reconnects to another node, has not left. [Presence.List]
// does not wait.
func Linger(d time.Duration) Option { return func(o *options) { o.linger = max(0, d) } }

// New returns a presence called name, which other nodes know it by.
func New[T any](name string, opts ...Option) Presence[T] {
	o := options{decl: roster.Decl{Name: name, PerRoom: 10_000, Entries: 100_000, Bytes: 4 << 10}, linger: 2 * time.Second}
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	return Presence[T](o)
}

// Name is the name on the wire.
func (p Presence[T]) Name() string { return p.decl.Name }

// Entry is one key: a user, with all connections.
type Entry[T any] struct {
	Key string `json:"key"`
	// Metas are the connections, at least one, in the order in which this node has learned of them.
	Metas []Meta[T] `json:"metas"`
}

// Meta is one connection under a key.
type Meta[T any] struct {
	// Client is its id, and Node the id of its node.
	Client string `json:"-"`
	Node   string `json:"-"`
	// Value is what was tracked. It is shared: do not change what it points to.
	Value T `json:"value"`
}

// Change is what has changed in a room, by key, since the last Change of it. To have the same as
// the server, set what has joined and updated, and delete what has left.
type Change[T any] struct {
	Room string `json:"room"`
	// Namespace is a concrete namespace, of endpoints whose namespace is a pattern.
	Namespace string     `json:"namespace,omitempty"`
	Joined    []Entry[T] `json:"joined,omitempty"`
	// Updated keys have other connections or values.
	Updated []Entry[T] `json:"updated,omitempty"`
	// Left keys have the connections that they had last.
	Left []Entry[T] `json:"left,omitempty"`
}

// Track has a client be present in a room under a key, with a value; again replaces the value. It
// ends with Untrack, and by itself when the client leaves the room or disconnects. A client that
// may be recovered stays until it cannot be any more. Several clients may have one key, and one
// client several keys.
//
// Clients that see the presence see the key: take it from what the server knows of the user, not
// from what the client sends.
func (p Presence[T]) Track(_ context.Context, c websockets.Client, room, key string, v T) error {
	var err error
	switch {
	case c == nil:
		err = errNoClient
	case key == "":
		err = errNoKey
	default:
		err = c.Presence(seal.Framework{}).Track(p.decl, room, key, v)
	}
	if err == nil || errors.Is(err, websockets.ErrClosed) {
		return err
	}
	return fmt.Errorf("presence %q: Track of %q in room %q: %w", p.decl.Name, short(key), short(room), err)
}

var (
	errNoKey    = errors.New("the key is empty: pass what identifies the user")
	errNoClient = errors.New("the client is nil: pass the one of websockets.ClientFrom")
)

// short returns the start of a name, for errors.
func short(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// Untrack ends the presence of a client under a key. One that is not there is no error.
func (p Presence[T]) Untrack(_ context.Context, c websockets.Client, room, key string) {
	if c != nil {
		c.Presence(seal.Framework{}).Untrack(p.decl.Name, room, key)
	}
}

// List returns the keys in a room of the gateway, on all its endpoints and all nodes, sorted by key,
// as this node knows it. It does not wait. Rooms of endpoints whose namespace is a pattern have
// [Presence.ListOf].
func (p Presence[T]) List(s *websockets.Server, room string) []Entry[T] { return p.ListOf(s, "", room) }

// ListOf is List for a concrete namespace, such as "/orgs/7" of the pattern "/orgs/{org}".
func (p Presence[T]) ListOf(s *websockets.Server, namespace, room string) []Entry[T] {
	v := s.Presence(seal.Framework{})
	if v == nil {
		return nil
	}
	return p.entries(v.List(p.scope(namespace, room)), v.Undecodable)
}

// Get returns one key of a room; false if it is not there.
func (p Presence[T]) Get(s *websockets.Server, room, key string) (Entry[T], bool) {
	v := s.Presence(seal.Framework{})
	if v == nil {
		return Entry[T]{}, false
	}
	e := Entry[T]{key, p.metas(v.Get(p.scope("", room), key), v.Undecodable)}
	return e, len(e.Metas) > 0
}

func (p Presence[T]) scope(namespace, room string) roster.Scope {
	return roster.Scope{Name: p.decl.Name, Namespace: namespace, Room: room}
}

// On subscribes a handler of changes. It is called on every node, from the time when the
// application accepts clients until its stop, with one change at a time; changes that come meanwhile
// are one. A change has 1,000 keys at most. Those of the gateway's endpoints are reported.
//
// The handler has no client: no guards, interceptors, pipes and filters run, and ctx ends after
// Limits.CallTimeout, or with the stop timeout. An error and a panic are logged.
func (p Presence[T]) On(h func(ctx context.Context, c Change[T]) error) websockets.Subscription {
	spec := handler.Spec{
		Event: p.decl.Name, Kind: handler.Presence, In: reflect.TypeFor[T](), Func: identity.FuncName(h), Linger: p.linger,
	}
	spec.Invoke = func(ctx context.Context, x handler.Exchange) error {
		e, ok := x.(roster.Exchange)
		if !ok {
			return errors.New("no change of a presence")
		}
		c, failed := e.PresenceChange()
		return h(ctx, Change[T]{
			Room: c.Room, Namespace: c.Namespace,
			Joined: p.entries(c.Joined, failed), Updated: p.entries(c.Changed, failed), Left: p.entries(c.Left, failed),
		})
	}
	return websockets.NewSubscription(seal.Framework{}, spec, h == nil)
}

// entries decodes what a table has.
func (p Presence[T]) entries(all []roster.Keyed, failed func(*roster.Entry, error)) []Entry[T] {
	if len(all) == 0 {
		return nil
	}
	out := make([]Entry[T], 0, len(all))
	for _, k := range all {
		if metas := p.metas(k.Entries, failed); len(metas) > 0 {
			out = append(out, Entry[T]{k.Key, metas})
		}
	}
	return out
}

func (p Presence[T]) metas(all []*roster.Entry, failed func(*roster.Entry, error)) []Meta[T] {
	out := make([]Meta[T], 0, len(all))
	for _, e := range all {
		v, err := value[T](e)
		if err != nil {
			failed(e, err)
			continue
		}
		out = append(out, Meta[T]{e.Client, e.Node, v})
	}
	return out
}

// value returns the value of an entry, which is decoded once.
func value[T any](e *roster.Entry) (T, error) {
	if cached := e.Decoded.Load(); cached != nil {
		if v, ok := (*cached).(T); ok {
			return v, nil
		}
	}
	var v T
	if err := (websockets.Payload{JSON: e.Value}).Decode(&v); err != nil {
		return v, err
	}
	kept := any(v)
	e.Decoded.Store(&kept)
	return v, nil
}
