package websockets

// EventShutdown is the event that each client receives just before the server closes it at a
// stop, when clients are drained in batches, with a [Shutdown]. With socket.io-client:
//
//	socket.on("shutdown", ({ retryAfter }) => {
//	  socket.io.reconnectionDelay(retryAfter);
//	  socket.io.randomizationFactor(0);
//	});
//
// Applications with few clients, which are all closed at once, do not send it.
const EventShutdown = "shutdown"

// Shutdown is the payload of [EventShutdown].
type Shutdown struct {
	// RetryAfter is the number of milliseconds after which the client should reconnect. The
	// times of all clients are spread evenly.
	RetryAfter int64 `json:"retryAfter"`
}
