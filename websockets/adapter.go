package websockets

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Adapter is a platform: one wire protocol that gateways are served over. The
// framework decides what happens (order, rooms, acks, errors, hooks), the
// adapter decides how it travels. Write one, run [adaptertest.Run] against it,
// and every gateway runs on it.
//
// The division of work:
//
//   - The framework calls [Adapter.NewServer] once for every distinct
//     {listener, path} and routes requests to the returned [AdapterServer].
//   - For each client that asks to enter, the adapter calls [Endpoint.Admit]
//     before it accepts the handshake, then [Endpoint.Connect] once it has. What
//     Connect returns, a [Session], takes everything the client sends.
//   - The framework talks to the client through the adapter's [Conn].
//
// An Adapter is a value without connections: the same one may serve several
// applications. It must be safe for concurrent use.
type Adapter interface {
	// Name is the platform in logs, errors and [Client.Platform]: "ws", "socketio".
	Name() string
	// Traits tells what the protocol can do. It never changes.
	Traits() Traits
	// NewServer makes the server of one {listener, path}. It must not accept
	// anybody yet, start goroutines that outlive Close, or listen: the framework
	// owns listeners. An error aborts the start.
	NewServer(cfg ServerConfig) (AdapterServer, error)
}

// Traits describes a protocol.
type Traits struct {
	// DefaultPath is where a server lives when no gateway says Path: "/", "/socket.io/".
	DefaultPath string
	// Namespaces: clients of one server may enter several namespaces. Without
	// it, the Namespace option is refused at boot with an error that names Path.
	Namespaces bool
	// PathPatterns: Path may have wildcards in the syntax of [http.ServeMux].
	PathPatterns bool
	// UpgradeOnly: the server serves nothing but upgrade requests, so ordinary
	// requests to its path belong to the HTTP controllers. Otherwise everything
	// at and below its path is the server's.
	UpgradeOnly bool
	// Binary: attachments travel as binary. Without it []byte is sent as base64 text.
	Binary bool
	// ReplyAsEvent: replies look like events. What a handler returns to a message
	// that asked for no reply is sent back under the message's own event instead
	// of being dropped, and the reply of a failure is the event `exception` itself.
	ReplyAsEvent bool
}

// ServerConfig is what the framework has resolved for one server. It is not
// changed after NewServer.
type ServerConfig struct {
	// Path as declared, normalised to begin with "/"; the adapter's DefaultPath
	// when none was. May be a ServeMux pattern when Traits.PathPatterns.
	Path string
	// Options are the platform options that gateways declared (see
	// [PlatformOption]), at most one of each type, already checked by
	// [PlatformOption.PlatformName] to be this adapter's.
	Options []PlatformOption
	// Limits with the defaults filled in.
	Limits Limits
	// CheckOrigin reports whether a browser page of this request's Origin may
	// connect. The adapter must answer 403 when it returns false, on every
	// transport it has. It is never nil.
	CheckOrigin func(*http.Request) bool
	// Reserve takes a place for a connection: an adapter calls it for every request
	// that opens one, before AdmitRequest and before anything is kept of the request.
	// An error refuses the request, as one of AdmitRequest does. release gives the
	// place back, when the connection has gone or was not accepted after all; calls
	// after the first do nothing. A change of transport is the same connection. nil
	// counts nothing.
	Reserve func(*http.Request) (release func(), err error)
	// AdmitRequest is asked about every request that opens a connection, once,
	// before anything is kept of it. An error refuses it: with the status and
	// message that [RefusalOf] gives. What it learns is in the context of the
	// request, which is to become that of Handshake.Request. It recovers panics and
	// bounds itself by Limits.HandshakeTimeout. nil asks nobody.
	AdmitRequest func(*http.Request) error
	// Endpoints: one for each namespace of the server; exactly one, with an
	// empty Namespace, when the platform has no namespaces.
	Endpoints []Endpoint
	// Logger carries platform and path already.
	Logger *slog.Logger
}

// Limits of one server. Zero values mean the defaults, negative ones "no limit"
// where that is said.
type Limits struct {
	// MaxMessage is the largest message accepted, in bytes after decompression
	// and reassembly. It also bounds the attachments of a packet, all together.
	// Default 1 MB (1,000,000).
	MaxMessage int64
	// HandshakeTimeout bounds the time from the first byte of a connection
	// attempt to an accepted handshake, guards included. Default 15 s.
	HandshakeTimeout time.Duration
	// PingInterval is the pause between two heartbeats. Default 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a heartbeat may stay unanswered before the client
	// counts as gone. Default 20 s.
	PingTimeout time.Duration
	// SendQueue is how much may wait for one client while it keeps up, in bytes of
	// memory. The next message of a client is not started, and streams wait, while
	// more than half of it is used; events that may be dropped are dropped above it.
	// Default 1 MiB.
	SendQueue int
	// SendQueueMax is how much may wait in any case, in bytes of memory: an event
	// that would exceed it closes the client with [CauseQueueOverflow]. Answers do
	// not. Default 8 MiB, and at least SendQueue.
	SendQueueMax int
	// SendStall is how long a client may take no byte while more than SendQueue
	// waits for it, or while answers or streams wait for room. Then it is closed with
	// [CauseQueueOverflow]. On polling, whose clients take bytes by polls, it is
	// PingInterval and PingTimeout together instead. Default 10 s.
	SendStall time.Duration
	// MaxAuth is how many bytes a client may send along with its handshake, such as
	// Socket.IO's auth; they are kept as long as it is connected. More is refused.
	// Default 16 KiB.
	MaxAuth int
	// KeptHeaders is how many bytes of the handshake's headers a connection keeps when
	// HandleConnection has returned, see [Client.Request]. Default 16 KiB.
	KeptHeaders int
	// CloseTimeout bounds the goodbye of a connection: what is queued is sent
	// within it, then the connection is cut. Default 5 s.
	CloseTimeout time.Duration
	// ClientErrors is how many things a client may do wrong within 10 s, in all
	// namespaces of its connection; with the last of them the connection is closed
	// (1008). Wrong are messages and answers that cannot be understood or that nobody
	// asked for, events that nobody handles, and messages that a guard refuses or whose
	// payload does not decode or is not valid. Errors of handlers, those that are masked
	// and those with a status from 500 on are not counted. Default 50, negative for no
	// limit.
	ClientErrors int
}

// AdapterServer is one running server of a platform.
//
// ServeHTTP gets the requests that the framework's routing found to be the
// server's: for an UpgradeOnly platform the upgrade requests whose path
// matches, otherwise everything at and below the path. Path values of a pattern
// are set on the request. A refused request is answered with a real HTTP status
// and a JSON body, see [WriteRefusal].
type AdapterServer interface {
	http.Handler
	// Native gives the platform's own server object for a namespace ("" where
	// there are none), or nil. What users may do with it is the adapter's to document.
	Native(namespace string) any
	// Close ends the server after the framework has said goodbye to every
	// session through Conn.Close: it refuses new requests, waits for
	// connections to end until ctx is done, cuts the rest, and returns when no
	// goroutine of the server is left (or ctx is done). Calling it twice is fine.
	Close(ctx context.Context) error
}

// Endpoint is where clients enter: a namespace of a server, or the whole server
// where a platform has none. The framework implements it. All methods are safe
// for concurrent use.
type Endpoint interface {
	// Namespace is "/" or "/name" on platforms with namespaces, otherwise "".
	// For a pattern it is the pattern as declared.
	Namespace() string
	// Match reports whether this endpoint serves the concrete namespace. Without
	// a pattern it is equality. Endpoints are asked in order; the first match
	// wins. The adapter refuses a namespace that none matches.
	Match(namespace string) bool
	// Admit runs the checks that come before the handshake is accepted. h.Connection
	// must be that of the connection. nil
	// lets the client in; otherwise the error is to be told to it by
	// [WriteRefusal] or by the platform's own refusal (with [RefusalOf]). It
	// recovers panics, bounds itself by Limits.HandshakeTimeout, and refuses
	// while the application is not accepting clients.
	Admit(ctx context.Context, h *Handshake) error
	// Connect makes conn a client. h must be the one that Admit accepted. It
	// returns at once: HandleConnection runs on a goroutine of the framework,
	// messages received meanwhile wait. After it, Session.Closed must be called
	// exactly once. When the application stopped accepting in between, conn is
	// closed by the framework as usual.
	Connect(conn Conn, h *Handshake) Session
}

// Conn is one client's connection (in one namespace) as the adapter gives it to
// the framework. All methods are safe for concurrent use, and none blocks on
// the network: a slow client delays nobody.
type Conn interface {
	// ID is unique in the process, unguessable, and, where the protocol tells
	// it to the client, the one the client knows.
	ID() string
	// Emit queues an event. When ack is not 0 the client is asked to answer, and
	// the answer is handed to Session.Ack with that number. out is shared with
	// other connections and must not be changed; [Outgoing.Frame] keeps what is
	// encoded once for all. Errors: [ErrClosed], [ErrQueueFull] when the queue
	// is full and the message was dropped (over Limits.SendQueue) or, by out.Overflow,
	// the client closed (over Limits.SendQueueMax).
	//
	// With out.Volatile the message is dropped, with ErrQueueFull, unless the
	// connection can take it at once: when anything else waits to be sent, or a
	// client that polls has no poll open. The client is not closed for it. With
	// out.Uncompressed a connection that compresses sends it as it is.
	//
	// After Session.Suspend it is called for what the client misses, see [Suspension].
	Emit(out *Outgoing, ack uint64) error
	// Reply answers a message that has m.Reply set, once, under m's own id or
	// ack. out.Event is the event of a failure ("exception") or empty for a
	// result; out without a payload is the empty answer. It is queued even when the
	// queue is full.
	Reply(m *Message, out *Outgoing) error
	// Writable blocks until at most half of Limits.SendQueue is used, the connection
	// ends (ErrClosed), or ctx is done. With a ctx that is done it returns at once,
	// nil when there is room. Streams wait on it, and the next message of the client
	// waits for it, so a client that takes nothing meanwhile for Limits.SendStall is
	// to be closed.
	Writable(ctx context.Context) error
	// Close says goodbye: what is queued is sent first (bounded by
	// Limits.CloseTimeout), then the protocol's own farewell for the reason,
	// then the connection ends and Session.Closed is called with r. It returns
	// at once; later calls do nothing. After CauseShutdown clients that
	// reconnect by themselves must be free to do so.
	Close(r Reason)
	// CloseConnection ends the whole connection, in all its namespaces, as Close does
	// where a platform has none. With [CauseServerDisconnect] each of its sessions is
	// closed with r at once, and its clients are told not to come back by themselves.
	CloseConnection(r Reason)
	// Native is the platform's own object for the connection.
	Native() any
}

// Yielder is a Conn of an adapter that calls Session.Work: Yield tells that
// somebody waits for what the client sends next, so that another goroutine should
// read at once.
type Yielder interface{ Yield() }

// Session takes what one client sends. The framework implements it. Receive is
// to be called from one goroutine at a time, in order of arrival; Ack and Closed
// from any.
type Session interface {
	// Receive takes a message, and ownership of its bytes. It returns at once
	// as long as the client's inbox has room, and otherwise blocks until a
	// handler has finished (so that the adapter stops reading: back pressure),
	// or the session has been closed. A frame that could not be understood is a
	// Message with Err.
	Receive(m *Message)
	// Stalled returns for how long Receive has been blocked without a message having been
	// started; 0 while it is not blocked. An adapter asks it about a connection that it
	// does not read meanwhile, to notice a client that has gone: where it can see the end
	// of the connection, Closed is due within a second, elsewhere once Stalled is over
	// Limits.PingInterval + PingTimeout. It is safe for concurrent use.
	Stalled() time.Duration
	// Work runs the handlers of messages that were Deferred, on the calling
	// goroutine, and returns when none of them is left. Another goroutine must be
	// ready to go on with the reading when that takes long: a handler may wait for
	// what the client sends next. Without a deferred message it returns at once.
	Work()
	// Begin is Work on a goroutine of the framework's.
	Begin()
	// Ack takes the client's answer to an Emit with that number. It never
	// blocks; an unknown number is ignored.
	Ack(ack uint64, p Payload)
	// Closed reports that the connection has ended. It returns at once; what
	// Receive has accepted is still handled, with a context that has ended or, when
	// r.Clean, lives for Limits.CloseTimeout; then HandleDisconnect runs. Only the first
	// call of Closed or Suspend counts.
	Closed(r Reason)
	// Suspend is Closed for a connection whose client may come back and have what
	// it missed. It is for platforms with a way to tell the client so; others
	// never call it. What to do with the [Suspension] is told there. It is nil
	// when the client cannot come back: HandleConnection had not accepted it, the
	// server has ended it, the application is stopping, or it was closed already.
	// Then the call was an ordinary Closed.
	Suspend(r Reason) Suspension
	// Same reports whether h, which Admit has accepted for the session's endpoint, is
	// of the same client, so that it may have what the client left behind: for a
	// platform whose clients come back, to be asked before anything is done to the old
	// connection or its Suspension. same, where not nil, decides. Otherwise the
	// identities do that guards have set on both (see [pipeline.Identity]); where the
	// endpoint has no guards and no Admit the answer is true, and where they have set
	// none it is false, and logged once.
	Same(h *Handshake, same func(old Client, h *Handshake) bool) bool
}

// Message is an event that a client sent.
type Message struct {
	// Event is its name.
	Event string
	// Payload as it came: no argument is an empty Payload, one argument is
	// itself, several are a JSON array of them.
	Payload Payload
	// Reply tells that the client waits for an answer.
	Reply bool
	// Deferred tells that the adapter will call Session.Work or Session.Begin soon,
	// so that nobody else needs to begin with the message.
	Deferred bool
	// Held is how many bytes of memory the message keeps until it has been handled: the
	// capacity of its buffers, the name and what the adapter allocated for it. 0 is
	// taken for the length of event and payload.
	Held int
	// Wire is how many bytes the client sent for it, after decompression. 0 is taken for
	// the length of event and payload.
	Wire int
	// Ref is the adapter's own: what its Conn.Reply needs to answer. It may be a
	// [Releaser].
	Ref any
	// Err, when not nil, is why the frame is no message. No handler sees it; it
	// is answered with an `exception`, under the id of the request when Reply is
	// set. Event and Payload are what could be understood, if anything.
	Err error
}

// Releaser is a Message.Ref that wants the message back: Release is called at
// most once, when neither the message nor its bytes are used any more. It is not
// called when a handler may have kept them.
type Releaser interface{ Release() }

// Suspension is a client that has left and may come back. The framework keeps
// its rooms and typed values, the adapter what it misses:
//
//   - From Suspend on, the Emit of the old Conn is called with every broadcast
//     that would have reached the client, without a gap, but not with calls and
//     volatile events; also for who still holds the old Client. The adapter
//     records it and returns nil.
//   - When the client comes back in time, and the adapter still has all that it
//     missed, it goes through Endpoint.Admit like any other, and then through
//     Resume instead of Endpoint.Connect. Each broadcast is given to the old Conn
//     or to the new one, never to both; a few may still reach the old one after
//     Resume has returned. So the two share the record, and what either is given
//     goes to the client in that order. The new Conn has the ID of the old.
//   - When it does not, Drop. The adapter bounds how long and how many are kept.
//
// Methods are safe for concurrent use; only the first call of either has an effect.
type Suspension interface {
	// Resume makes conn a client at once, in the rooms that the old one had and
	// with its typed values, except where Admit has set others. HandleConnection
	// runs again, after the old client's HandleDisconnect, with
	// Client.Recovered() true; messages wait for it. It is nil when the client
	// has been dropped or resumed, by the application's stop for instance; the
	// adapter then calls Endpoint.Connect as for a new client.
	Resume(conn Conn, h *Handshake) Session
	// Drop forgets the client.
	Drop()
}

// PlatformOption is an option of one platform, such as ws.Options. It is given
// among a gateway's options and passed on to the platform's server untouched.
type PlatformOption interface {
	Option
	// PlatformName is the Name of the adapter that knows the option.
	PlatformName() string
}
