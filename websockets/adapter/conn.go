package adapter

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Conn is one client's connection (in one namespace), as the framework uses it. All methods
// are safe for concurrent use, and none of them but Writable waits for the network: a client
// that reads slowly does not delay others. They may be called, Close included, before
// Endpoint.Connect has returned the session; Session.Closed must be called after that.
type Conn interface {
	// ID is unique in the process, unguessable, and, where the protocol has one, the id
	// that the client sees.
	ID() string
	// Emit queues an event. When ack is not 0 the client is asked for an answer, which is
	// passed to Session.Ack with that number. out is shared with other connections and must
	// not be changed; [Outgoing.Frame] keeps what is encoded once for all. Errors:
	// [websockets.ErrClosed], and [websockets.ErrQueueFull] when the queue is full and
	// the message was dropped (over Limits.SendQueue) or, depending on out.Overflow, the
	// client was closed (over Limits.SendQueueMax).
	//
	// With out.Volatile the message is dropped, with ErrQueueFull, unless the connection
	// can send it at once, that is, when anything else waits to be sent or a polling client
	// has no poll open. The client is not closed for it. With out.Uncompressed a connection
	// that compresses sends it uncompressed.
	//
	// After Session.Suspend it is called for what the client misses, see [Suspension].
	Emit(out *Outgoing, ack uint64) error
	// Reply answers a message that has m.Reply set, once, under m's own id or ack.
	// out.Event is the event of a failure ("exception") or empty for a result; out without
	// a payload is the empty answer. It is queued even when the queue is full.
	Reply(m *Message, out *Outgoing) error
	// Writable blocks until at most half of Limits.SendQueue is used, the connection ends
	// (ErrClosed), or ctx is done. With a ctx that is done it returns at once, nil when
	// there is room. Streams and the next message of the client wait in it, so a client
	// that accepts no bytes meanwhile for Limits.SendStall must be closed.
	Writable(ctx context.Context) error
	// Close closes the connection in order: what is queued is sent first (for
	// Limits.CloseTimeout at most), then what the protocol sends at the end for the reason,
	// then the connection ends and Session.Closed is called with r. It returns at once;
	// later calls do nothing, but a client that is suspended cannot resume any more. After CauseShutdown clients that reconnect by themselves must
	// be free to do so.
	Close(r websockets.Reason)
	// CloseConnection closes the whole connection, in all its namespaces, as Close does
	// where a platform has none. With [websockets.CauseServerDisconnect] each of its
	// sessions is closed with r at once, and its clients do not reconnect by themselves.
	CloseConnection(r websockets.Reason)
	// State describes the connection as it is now, for statistics.
	State() ConnState
	// Native is the platform's own object for the connection.
	Native() any
}

// ConnState is how a connection is at one moment.
type ConnState struct {
	// Transport is the name of the transport: "websocket", "polling".
	Transport string
	// Queued is how many bytes wait to be sent, those of the connection's other namespaces
	// included.
	Queued int
}

// Yielder is a Conn of an adapter that calls Work.Run. Yield starts another goroutine that
// reads from the connection, because a handler waits for what the client sends next. An
// adapter that only calls Work.Start needs none.
type Yielder interface{ Yield() }

// Resetter is a Conn of an adapter whose clients may be recovered. Reset cuts the connection, so
// that the client reconnects, and has it not be recovered, also where it is suspended already. It
// returns at once, and reports false for a client that may not be recovered: then it does nothing.
type Resetter interface{ Reset() bool }

// Forgetter is a Server of an adapter whose clients may be recovered. Forget has those that it has by now not be recovered,
// whether they are connected or suspended: events of other nodes were lost that may have been for them. It returns at once.
type Forgetter interface{ Forget() }

// Refuser is a Conn of a protocol that has close codes of its own for refused clients. RefusalCode
// returns that of the HTTP status of a refusal by HandleConnection; 0 stands for 1008.
type Refuser interface{ RefusalCode(status int) int }

// Work is the handling of messages that a session has received. Exactly one of its methods
// must be called soon after Session.Receive has returned it; later calls do nothing.
type Work interface {
	// Run runs the handlers on the calling goroutine and returns when no message is left.
	// Another goroutine must read on when that takes long: a handler may wait for what the
	// client sends next. Run it when the next message has not arrived yet, so that messages
	// that arrive together are handled together.
	Run()
	// Start runs them on a goroutine of the framework and returns at once.
	Start()
}

// Session takes what one client sends. The framework implements it. Receive must be called
// from one goroutine at a time, in order of arrival; the other methods are safe for
// concurrent use.
type Session interface {
	// Receive takes a message, and ownership of its bytes. It returns at once while the
	// client's inbox has room, and otherwise blocks until a handler has returned or the
	// session has been closed, so that the adapter stops reading. The result is the work
	// that the message brought, nil when there is nothing to do. A frame that could not be
	// parsed is a Message with Err.
	Receive(m *Message) Work
	// Stalled returns how long Receive has been blocked without a message having been
	// started; 0 while it is not blocked. An adapter reads it about a connection that it
	// does not read from meanwhile, to notice that the client has gone: where it can see
	// the end of the connection, Closed is due within a second, elsewhere once Stalled is
	// over Limits.PingInterval + PingTimeout.
	Stalled() time.Duration
	// Ack takes the client's answer to an Emit with that number. It never blocks; an
	// unknown number is ignored.
	Ack(ack uint64, p websockets.Payload)
	// Cancel ends the streams of the messages that match, running ones and those that wait:
	// their context ends with [websockets.ErrCancelled], and a waiting ack is answered as at
	// any end of a stream. Platforms call it for what their clients send to cancel a request.
	Cancel(match func(m *Message) bool)
	// Upgraded reports that Conn.State has another transport from now on. It returns at once.
	Upgraded()
	// Closed reports that the connection has ended, on either side, with the reason of the
	// first one that closed it: that of Conn.Close when it was the server. It returns at once; what Receive has
	// accepted is still handled, with a context that has ended or, when r.Clean, lives for
	// Limits.CloseTimeout; then HandleDisconnect runs. Only the first call of Closed or
	// Suspend has an effect.
	Closed(r websockets.Reason)
	// Suspend is Closed for a connection whose client may reconnect and get what it missed;
	// platforms whose protocol cannot do that never call it. It returns nil when the client
	// cannot be recovered: HandleConnection had not accepted it, the server has closed it,
	// the application is stopping, or it was closed already. The call was an ordinary
	// Closed then.
	Suspend(r websockets.Reason) Suspension
	// Same reports whether h, which Admit has accepted for the session's endpoint, is of
	// the same client, so that it may have what the client left. A platform calls it before
	// it changes anything of the old connection or its Suspension. same decides, where it
	// is not nil. Otherwise the identities do that guards have set on both (see
	// [pipeline.Identity]); where the endpoint has no guards and no Admit the result is
	// true, and where they have set none it is false, and logged once.
	Same(h *Handshake, same func(old websockets.Client, h *websockets.Handshake) bool) bool
}
