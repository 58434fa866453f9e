package websockets

import (
	"context"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Handshake is a connection attempt of a client that is not accepted yet.
type Handshake struct {
	// Request is the HTTP request of the handshake: headers, cookies, query,
	// remote address, and the values of path or namespace patterns through PathValue.
	// On Socket.IO it is the request that opened the connection. It is nil once
	// HandleConnection of every gateway has returned: use [Client.Request] from then on.
	Request *http.Request
	// Auth is what the client sent along (Socket.IO's `auth`); empty elsewhere.
	Auth Payload
	// Namespace is the concrete namespace asked for; empty on platforms without.
	Namespace string

	values    Values
	connected []func(Client)
}

// OnConnected registers f to be called when the client has been accepted, before its
// HandleConnection. It is for checks that have work to do while the client is
// connected; c.Context ends when it disconnects. A panic is recovered and logged.
// Not for concurrent use.
func (h *Handshake) OnConnected(f func(c Client)) { h.connected = append(h.connected, f) }

// HandshakeFrom returns the handshake that a guard checks, from the guard's context. It is
// nil in other contexts.
func HandshakeFrom(ctx context.Context) *Handshake {
	h, _ := pipeline.HolderFrom(ctx).(*Handshake)
	return h
}

// TakeConnected returns the functions of OnConnected, once. The framework calls it.
func (h *Handshake) TakeConnected(seal.Framework) []func(Client) {
	fs := h.connected
	h.connected = nil
	return fs
}

// Values holds what checks learned about the client; it becomes the client's own.
func (h *Handshake) Values() *Values { return &h.values }
