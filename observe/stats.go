package observe

import (
	"encoding/json"
	"time"
)

// Stats is a snapshot of the gateways of an application, see app.App.Stats. As JSON, durations are
// nanoseconds. It is counted
// when it is asked for, by a walk over all clients: ask every few seconds, not for every
// message. Endpoints of gateways with websockets.Unobserved are left out.
type Stats struct {
	Endpoints []EndpointStats
	// Stopping reports whether the application is stopping.
	Stopping bool
	// Backplane is nil without one.
	Backplane *BackplaneStats
}

// BackplaneStats counts what goes between this node and the others.
type BackplaneStats struct {
	// Up is whether the service can be reached. Degraded is whether it cannot, or messages were
	// lost within the last minute, or a node reads only other versions of them. Both are so since Since. Reason is why it is degraded; empty
	// when it is not.
	Up, Degraded bool
	Since        time.Time
	Reason       string
	// Nodes is how many nodes live, this one included.
	Nodes int
	// Queued is how many messages wait to be sent, QueuedBytes the memory that they hold, QueueAge for
	// how long the oldest has waited. It grows while the service cannot be reached.
	Queued, QueuedBytes int
	QueueAge            time.Duration

	// Since the start, in messages:
	//
	//   - Sent to the service, and Received from other nodes.
	//   - Dropped: not sent, or perhaps not, because the queue was full or the service failed.
	//   - Overrun: frames that arrived faster than they were delivered, and are lost.
	//   - Gaps: of other nodes, about clients, that have not arrived.
	//   - Duplicates: that arrived twice or too late, and were not delivered.
	//   - Unknown: of a newer version, or for endpoints that this node does not have.
	//   - Invalid: that are none, or over a limit.
	//   - Reconnects: how often the connection was lost and made again.
	Sent, Received, Dropped, Overrun, Gaps, Duplicates, Unknown, Invalid, Reconnects uint64

	// Batches is how many batches were sent, and SendTime how long that took in all. SentBytes and
	// ReceivedBytes are the sizes of messages.
	Batches, SentBytes, ReceivedBytes uint64
	SendTime                          time.Duration

	// Calls, Fetches and Counts are questions to the other nodes that have ended.
	Calls, Fetches, Counts Questions
}

// MarshalJSON implements [json.Marshaler]: the JSON library of package web has no form for durations.
func (s BackplaneStats) MarshalJSON() ([]byte, error) {
	type plain BackplaneStats
	return json.Marshal(struct { //nolint:musttag // names are those of the fields
		plain
		QueueAge, SendTime int64
	}{plain(s), int64(s.QueueAge), int64(s.SendTime)})
}

// Questions counts what was asked of the nodes that lived then, since the start.
type Questions struct {
	// Answered by all of them.
	Answered uint64
	// Lost: one could not be asked, left, or died before it had answered.
	Lost uint64
	// Late: one had not answered when the context of the caller ended.
	Late uint64
}

// EndpointStats counts the clients of one endpoint: a path, or one of its namespaces.
type EndpointStats struct {
	// Platform is the name of the adapter; Listener, Path and Namespace are as declared, see
	// [websockets.EndpointInfo].
	Platform, Listener, Path, Namespace string

	// Clients is how many are connected, Transports by which transport: "websocket",
	// "polling".
	Clients    int
	Transports map[string]int
	// Suspended is how many have lost the connection and may reconnect.
	Suspended int
	// Namespaces is how many concrete namespaces there are, Rooms how many rooms in them.
	Namespaces, Rooms int

	// Handlers is how many handlers and HandleConnection hooks run.
	Handlers int
	// Waiting is how many received messages wait to be handled, WaitingBytes the memory that
	// they hold.
	Waiting, WaitingBytes int
	// QueuedBytes is what waits to be sent, MostQueued the largest part of it of one client.
	// Clients of one connection share a queue, which is counted for each.
	QueuedBytes, MostQueued int

	// Since the start: UnknownEvents is how many messages had no handler, Dropped how many
	// events were not sent to a client because its queue was full. Of clients that were Suspended,
	// Recovered is how many have reconnected in time, NotRecovered how many have not.
	UnknownEvents, Dropped, Recovered, NotRecovered uint64
	// Arrived is how many of Recovered have come from another node, where they count as Departed.
	Arrived, Departed uint64
}
