package websockets

// Connection is one physical connection: a WebSocket of plain WebSocket, an Engine.IO
// session of Socket.IO whatever its transport. It outlives what a client does in its
// namespaces: one that leaves a namespace and enters it again has a new [Client] and
// the same Connection. Adapters make one for each connection and give it to all its
// handshakes, see [Handshake].Connection. The zero value is ready to use. Its methods
// are safe for concurrent use.
type Connection struct{ values Values }

// Values holds what guards keep for the connection, see [pipeline.Call].Connection.
func (c *Connection) Values() *Values { return &c.values }
