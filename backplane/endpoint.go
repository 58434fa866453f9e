package backplane

// Endpoint is an endpoint of the gateways of an application.
type Endpoint struct {
	// Key is that of [Selection].Endpoints.
	Key uint32
	// Platform and Path are those of its server, such as "socketio".
	Platform, Path string
	// Namespace is the only one of the endpoint; empty where it has several, or the platform none.
	Namespace string
}

// EndpointsUser is an engine that must know the endpoints, because other software shares its wire.
type EndpointsUser interface {
	Backplane
	// SetEndpoints sets the endpoints of this node. It is called once, before Start.
	SetEndpoints(all []Endpoint)
}

// Bridge is an engine that connects the nodes with servers of other software, which share its wire. It
// answers each Call and Fetch for all of them, as if they were one node.
type Bridge interface {
	EndpointsUser
	// Servers returns that node. Its ID is constant: the Origin of the answers, which come to the own
	// channel of the node that has asked. Clients that have no id for others have any name in the
	// answers of a Call, each a different one.
	Servers() Node
}
