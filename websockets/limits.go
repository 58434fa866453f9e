package websockets

import (
	"time"

	"github.com/gatehouse-go/gatehouse/internal/config"
)

// WithLimits sets the limits of the gateway's server; zero fields keep their
// defaults. Gateways that share a server must not disagree.
func WithLimits(l Limits) Option {
	return optionFunc(func(c *config.Gateway) { c.Limits = config.Limits(l) })
}

// Limits of one server. Zero fields keep the default. A negative value means no limit
// where the field documents it.
type Limits struct {
	// MaxMessage is the largest message accepted, in bytes after decompression
	// and reassembly. It also bounds the attachments of a packet, all together. The
	// elements of lists and maps that a payload is decoded into may need 16 times as
	// much, with the size of their Go type: [{},{}] is small, and a struct may be large.
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
	// IdleAfter is how long the client of a WebSocket may send nothing but answers to
	// heartbeats before its connection ends its goroutine and frees the stack. The next
	// message starts a goroutine again. Only on Linux, and only where the WebSocket is a TCP or Unix
	// socket itself: not with TLS or compression in this process. When many were idle for so long
	// and the process has become quiet, it collects garbage and returns free memory to the system.
	// Default 10 s, negative for never.
	IdleAfter time.Duration
	// MaxAuth is how many bytes a client may send along with its handshake, such as
	// Socket.IO's auth; they are kept as long as it is connected. More is refused.
	// Default 16 KiB.
	MaxAuth int
	// KeptHeaders is how many bytes of the handshake's headers a connection keeps when
	// HandleConnection has returned, see [Client.Request]. Default 16 KiB.
	KeptHeaders int
	// CloseTimeout bounds the close of a connection: queued messages are sent and the
	// close handshake is done within it, then the connection is cut. Messages that a client
	// sent before it left are handled for so long. Default 5 s.
	CloseTimeout time.Duration
	// CallTimeout is how long calls, and Fetch and Count on several nodes, wait for answers
	// when their context has no deadline. Default 10 s.
	CallTimeout time.Duration
	// ClientErrors is how many things a client may do wrong within 10 s, in all
	// namespaces of its connection; with the last of them the connection is closed
	// (1008). Counted are messages that cannot be parsed, answers to no call, unknown
	// events, and messages that a guard refuses or whose payload does not decode or is not
	// valid. Errors of handlers, masked errors and those with a status of 500 or more are
	// not counted. Default 50, negative for no limit.
	ClientErrors int
}
