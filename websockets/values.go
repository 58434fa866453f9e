package websockets

import "github.com/gatehouse-go/gatehouse/pipeline"

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

// NewKey makes a key. The name is for logs and debuggers only.
func NewKey[T any](name string) *Key[T] { return pipeline.NewValue[T](name) }

// Holder has values: a [Client] or a [Handshake].
type Holder = pipeline.Holder

// Values is the store behind [Key].
type Values = pipeline.Values
