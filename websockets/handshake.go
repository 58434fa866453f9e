package websockets

import "net/http"

// Handshake is a client that asks to enter, before it is let in.
type Handshake struct {
	// Request is the HTTP request of the handshake: headers, cookies, query,
	// remote address, and the values of path or namespace patterns through PathValue.
	// On Socket.IO it is the request that opened the connection.
	Request *http.Request
	// Auth is what the client sent along (Socket.IO's `auth`); empty elsewhere.
	Auth Payload
	// Namespace is the concrete namespace asked for; empty on platforms without.
	Namespace string
	// SkipChecks lets the client in without the checks of [Admit]: it comes back
	// (see [Suspension]), and the platform's options say that once is enough.
	SkipChecks bool

	values Values
}

// Values holds what checks learned about the client; it becomes the client's own.
func (h *Handshake) Values() *Values { return &h.values }
