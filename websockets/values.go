package websockets

import (
	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Key names a typed value that belongs to one client for as long as it is
// connected. Make one per value, in a package variable; identity is the pointer.
//
//	var User = websockets.NewKey[*auth.User]("user")
//
//	User.Set(client, u)          // in HandleConnection, or on the Call in a guard
//	u, ok := User.Get(client)    // in any handler
//
// It is a [pipeline.Value], so a guard that also serves HTTP can set it.
type Key[T any] = pipeline.Value[T]

// NewKey makes a key. The name is for logs and debuggers, and for other nodes if it is [Shared].
func NewKey[T any](name string, opts ...pipeline.ValueOption) *Key[T] {
	return pipeline.NewValue[T](name, opts...)
}

// Shared has the value of a key travel with its client: [Selection.Fetch] returns it for clients
// of all nodes.
//
//	var User = websockets.NewKey[UserInfo]("user", websockets.Shared())
//
//	websockets.Gateway(NewGateway, websockets.Shares(User))
//
//	found, err := g.Server.To("tea").Fetch(ctx)
//	for _, c := range found.Clients {
//		user, ok := User.Of(c.Shared)
//	}
//
// Other nodes receive it as JSON. Store a value that does not change afterwards.
func Shared() pipeline.ValueOption { return pipeline.Shared() }

// SharedValues are the values of [Shared] keys of a client. [Key] has the method Of, which
// returns one.
type SharedValues = pipeline.SharedValues

// Shares declares the keys whose values travel with clients of the gateway. Given several times,
// also inside of [Via], the lists are joined. Two keys of one name at one endpoint, and a type
// that JSON cannot hold, are start errors. The value of a [Shared] key that is not declared does
// not travel; this is logged once.
func Shares(keys ...pipeline.SharedKey) Option {
	return optionFunc(func(c *config.Gateway) {
		for i, k := range keys {
			switch {
			case k == nil:
				c.Problemf("Shares: key %d is nil; pass one of NewKey", i+1)
			case !k.IsShared():
				c.Problemf("Shares: key %q is not shared; make it with NewKey(%q, websockets.Shared())", k, k)
			default:
				c.Shares = append(c.Shares, k)
			}
		}
	})
}

// Holder has values: a [Client] or a [Handshake].
type Holder = pipeline.Holder

// Values is the store behind [Key].
type Values = pipeline.Values
