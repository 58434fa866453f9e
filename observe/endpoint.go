package observe

import "github.com/gatehouse-go/gatehouse/websockets"

// Endpoint is where a client is connected, as declared. An application has few of them, so its fields are fit for the
// attributes of metrics, which the names that clients send are not.
type Endpoint struct {
	// Platform is the name of the adapter, Path that of the server.
	Platform, Path string
	// Namespace is the declared one; empty on platforms without.
	Namespace string
	// HidesPayloads reports that a gateway has websockets.HideCauseData: observers that show or keep payloads leave those of the
	// endpoint out.
	HidesPayloads bool
}

// EndpointOf returns the endpoint of a client; the zero Endpoint of one that is not connected to an application, such as
// the fake of a test.
func EndpointOf(c websockets.Client) Endpoint {
	if e, ok := c.(interface{ Endpoint() Endpoint }); ok {
		return e.Endpoint()
	}
	return Endpoint{}
}

// QueuedBytes returns what waits to be sent to a client; 0 for one that is not connected to an application. Clients of one
// connection share a queue.
func QueuedBytes(c websockets.Client) int {
	if q, ok := c.(interface{ QueuedBytes() int }); ok {
		return q.QueuedBytes()
	}
	return 0
}
