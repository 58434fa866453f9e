package adapter

import (
	"context"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/connection"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Server is one running server of a platform.
//
// ServeHTTP serves the requests that the framework routes to the server, see
// Traits.UpgradeOnly. Path values of a pattern are set on the request. A refused request is answered with
// an HTTP status and a JSON body, see [WriteRefusal].
type Server interface {
	http.Handler
	// Native returns the platform's own server object for a namespace ("" where a
	// platform has none), or nil. The adapter documents what users may do with it.
	Native(namespace string) any
	// Close ends the server, after the framework has closed every session by Conn.Close:
	// it refuses new requests, waits for connections to end until ctx is done, closes the
	// rest at once, and returns when no goroutine of the server is left (or ctx is done).
	// It may be called twice.
	Close(ctx context.Context) error
}

// Endpoint is a namespace of a server, or the whole server where a platform has no
// namespaces. The framework implements it. All methods are safe for concurrent use.
type Endpoint interface {
	// Namespace is "/" or "/name" on platforms with namespaces, otherwise "". For a
	// pattern it is the pattern as declared.
	Namespace() string
	// Match reports whether this endpoint serves a concrete namespace. Endpoints are tried
	// in order; the adapter refuses a namespace that none of them matches.
	Match(namespace string) bool
	// Checks reports whether Admit calls any check, and so needs a context that ends.
	Checks() bool
	// Admit runs the checks that come before the handshake is accepted. An error refuses
	// the client, by [WriteRefusal] or by the platform's own refusal (see [RefusalOf]). It
	// recovers panics, returns after Limits.HandshakeTimeout at the latest, and refuses
	// while the application is not accepting clients.
	Admit(ctx context.Context, h *Handshake) error
	// Connect makes conn a client. h must be the one that Admit accepted. It returns at
	// once: HandleConnection runs on a goroutine of the framework, and messages received
	// meanwhile wait. Session.Closed must be called exactly once afterwards. When the
	// application stopped accepting in between, the framework closes conn as usual.
	Connect(conn Conn, h *Handshake) Session
}

// Handshake is a client that connects. The adapter sets Request, Auth and Namespace of the
// embedded one, which checks see.
type Handshake struct {
	websockets.Handshake
	// Connection is the physical connection by which the client connects, the same one
	// for all its namespaces. nil stands for a connection of its own.
	Connection *Connection
	// SkipChecks lets the client in without the checks of Admit and without guards, other
	// than those that identify it (see [pipeline.IdentityGuard]): it reconnects (see
	// [Suspension]), and the platform's options say that one check is enough.
	SkipChecks bool
}

// Connection is one physical connection; adapters make one for each and set it in its
// handshakes. The zero value is ready to use. Its methods are the framework's.
type Connection = connection.Connection
