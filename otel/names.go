package otel

import "go.opentelemetry.io/otel/attribute"

// scope is the name of the meter and of the tracer.
const scope = "github.com/gatehouse-go/gatehouse/otel"

// The names of metrics, with the unit after each. They are stable: another name breaks dashboards and alerts. The tables
// of docs/observability.md have the same ones.
const (
	activeConnections  = "gatehouse.server.active_connections"  // {connection}
	connectionDuration = "gatehouse.server.connection.duration" // s
	handshakeDuration  = "gatehouse.server.handshake.duration"  // s
	refusals           = "gatehouse.server.refusals"            // {connection}
	stopping           = "gatehouse.server.stopping"
	suspended          = "gatehouse.server.suspended"  // {connection}
	recoveries         = "gatehouse.server.recoveries" // {connection}
	namespaces         = "gatehouse.server.namespaces" // {namespace}
	rooms              = "gatehouse.server.rooms"      // {room}

	callDuration     = "rpc.server.call.duration"        // s
	waitDuration     = "gatehouse.message.wait.duration" // s
	messagesReceived = "gatehouse.message.received"      // {message}
	messagesSent     = "gatehouse.message.sent"          // {message}
	malformed        = "gatehouse.message.malformed"     // {message}
	unknown          = "gatehouse.message.unknown"       // {message}
	dropped          = "gatehouse.message.dropped"       // {message}
	io               = "gatehouse.io"                    // By
	emitRecipients   = "gatehouse.emit.recipients"       // {connection}
	streamItems      = "gatehouse.stream.items"          // {item}
	clientCalls      = "gatehouse.call.duration"         // s

	queueSize       = "gatehouse.queue.size"       // By
	queueMax        = "gatehouse.queue.max"        // By
	inboxDepth      = "gatehouse.inbox.depth"      // {message}
	inboxSize       = "gatehouse.inbox.size"       // By
	handlersRunning = "gatehouse.handlers.running" // {handler}

	drainClients  = "gatehouse.drain.clients"  // {connection}
	drainDuration = "gatehouse.drain.duration" // s

	backplaneUp           = "gatehouse.backplane.up"
	backplaneDegraded     = "gatehouse.backplane.degraded"
	backplaneNodes        = "gatehouse.backplane.nodes"          // {node}
	backplaneQueued       = "gatehouse.backplane.queue.messages" // {message}
	backplaneQueueBytes   = "gatehouse.backplane.queue.bytes"    // By
	backplaneQueueAge     = "gatehouse.backplane.queue.age"      // s
	backplaneSent         = "gatehouse.backplane.sent"           // {message}
	backplaneReceived     = "gatehouse.backplane.received"       // {message}
	backplaneBytes        = "gatehouse.backplane.bytes"          // By
	backplaneFrames       = "gatehouse.backplane.frames"         // {frame}
	backplaneSendDuration = "gatehouse.backplane.send.duration"  // s
	backplaneDropped      = "gatehouse.backplane.dropped"        // {message}
	backplaneGaps         = "gatehouse.backplane.gaps"           // {message}
	backplaneDuplicates   = "gatehouse.backplane.duplicates"     // {message}
	backplaneUnknown      = "gatehouse.backplane.unknown"        // {message}
	backplaneInvalid      = "gatehouse.backplane.invalid"        // {message}
	backplaneReconnects   = "gatehouse.backplane.reconnects"     // {reconnect}
	backplaneRequests     = "gatehouse.backplane.requests"       // {request}
)

// The keys of attributes, of metrics and of spans. The names without gatehouse are those of the conventions of
// OpenTelemetry.
const (
	keyPlatform  = attribute.Key("gatehouse.platform")
	keyEndpoint  = attribute.Key("gatehouse.endpoint")
	keyEvent     = attribute.Key("gatehouse.event")
	keyTransport = attribute.Key("gatehouse.transport")
	keyReason    = attribute.Key("gatehouse.reason")
	keyStage     = attribute.Key("gatehouse.stage")
	keyOutcome   = attribute.Key("gatehouse.outcome")
	keyRequest   = attribute.Key("gatehouse.request")
	keyErrorType = attribute.Key("error.type")
	keyStatus    = attribute.Key("http.response.status_code")
	keyDirection = attribute.Key("network.io.direction")
	keyRPCSystem = attribute.Key("rpc.system.name")
	keyRPCMethod = attribute.Key("rpc.method")
	keyOverflow  = attribute.Key("otel.metric.overflow")

	// Of spans only.
	keyItems      = attribute.Key("gatehouse.items")
	keyRecipients = attribute.Key("gatehouse.recipients")
	keyDropped    = attribute.Key("gatehouse.dropped")
	keyAnswers    = attribute.Key("gatehouse.answers")
	keyBytes      = attribute.Key("gatehouse.bytes")
	keyClients    = attribute.Key("gatehouse.clients")
	keyNode       = attribute.Key("gatehouse.node")
)

// The names of spans, of which all but drain are followed by the endpoint or the event. That of a message is its gateway and
// event.
const (
	spanConnect = "connect"
	spanEmit    = "emit"
	spanCall    = "call"
	spanDeliver = "deliver"
	spanDrain   = "drain"
)

// Values of attributes.
const (
	system   = "gatehouse"
	other    = "_other" // in place of names that no gateway declares
	receive  = "receive"
	transmit = "transmit"
)
