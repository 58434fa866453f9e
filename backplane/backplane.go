// Package backplane connects the nodes of an application that runs on several: what is emitted on
// one reaches the clients of all.
//
// A [Backplane] is an engine: it carries messages between the nodes through a service, such as
// Redis. Package memory has one for tests, package backplanetest the suite that every engine
// passes. Applications pass an engine to app.Backplane; the rest of this package is for authors
// of engines, and may change in minor versions.
package backplane

import "context"

// The bounds of a batch of [Backplane].Send.
const (
	// MaxBatch is how many messages it has at most.
	MaxBatch = 256
	// MaxBatchBytes is their size in all; a message that is larger is a batch of its own.
	MaxBatchBytes = 1 << 20
)

// Backplane is an engine: it carries messages between the nodes of one application. A value
// belongs to one application, which calls Start once, then Send and Interest from one goroutine,
// and at last Stop, from any goroutine, also while a Send runs.
//
// Messages of one node on one channel arrive in their order, at most once each. There is no
// order between channels, nor between nodes. Messages may be lost while the connection to the
// service is; the framework numbers them and counts what is missing, so an engine repeats
// nothing.
type Backplane interface {
	// Name names the engine in logs and metrics: "memory", "redis".
	Name() string
	// Traits returns what the engine can do. It is constant.
	Traits() Traits
	// Start connects, and calls in.Link(true, false, nil) before it returns nil. From then on
	// it passes to in what arrives, until Stop. A *[SetupError] returns at once and ends the start of
	// the application. Another error, when ctx ends first, means that the
	// engine is not connected yet, and goes on trying: Stop must be called in any case. An
	// engine reconnects by itself, after 50 ms at first and 2 s at most, with jitter.
	Start(ctx context.Context, self Node, in Inbound) error
	// Send carries messages in their order: at most [MaxBatch], and [MaxBatchBytes] unless it
	// is one message. It may block until ctx ends, and must return then. Nil means that the
	// service has all of them; after an error it is unknown how many it has. The engine does
	// not keep the batch, its messages and their bytes when Send has returned.
	Send(ctx context.Context, batch []*Message) error
	// Interest adds channels that this node receives, and removes others. Nil means that the
	// service has confirmed. After an error the engine still wants them: it subscribes as soon
	// as it is connected, before it calls Link. Engines without [Traits].Interest do nothing.
	Interest(ctx context.Context, add, drop []string) error
	// Stop disconnects; what Send has accepted is sent. When it has returned, the engine calls
	// nothing of in and has no goroutine. It returns when ctx ends at the latest. Stop before
	// Start, and a second one, do nothing.
	Stop(ctx context.Context) error
}

// Traits are what an engine can do.
type Traits struct {
	// Foreign: other software shares the wire. Its messages have no endpoint keys and no
	// numbers.
	Foreign bool
	// Interest: nodes receive only channels that they have asked for with Interest; otherwise
	// every channel.
	Interest bool
	// Direct: a message with To reaches only that node; otherwise every node, which ignores
	// those for others.
	Direct bool
	// Loopback: a node receives its own messages too.
	Loopback bool
	// Receipts: [Inbound].NoNode is called.
	Receipts bool
	// MaxBytes is the size of the largest message that Send accepts, as envelope.Size counts
	// it; 0 means that the engine has no limit of its own.
	MaxBytes int
}

// Inbound is the framework's side of an engine. Its methods return at once and may be called from
// any goroutine, by Start and Send too; those of one channel and origin from one at a time.
type Inbound interface {
	// ReceiveFrame takes a frame of package envelope, in the order of its channel, and owns
	// its bytes. It reports whether there was room for it; a frame that is dropped is a gap.
	ReceiveFrame(channel string, frame []byte) bool
	// Receive takes messages of an engine that has another form on the wire, in the order of
	// their channel, and owns them. It returns for how many it had no room.
	Receive(batch []*Message) (dropped int)
	// NoNode reports that no node received a message with To. m has Kind, To and Request of it.
	NoNode(m *Message)
	// Link reports a change of the connection to the service. lost means that messages may
	// have been missed since it was up before; err is why it is down.
	Link(up, lost bool, err error)
}
