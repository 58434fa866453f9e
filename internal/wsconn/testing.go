package wsconn

// The methods of this file are for tests of the packages above.

// Hold blocks all writes until release is called, like a client that does not read.
func (c *Conn) Hold() (release func()) {
	if c.framed.acquire() != nil {
		return func() {}
	}
	return c.framed.release
}

// Parked reports whether the connection is parked.
func (c *Conn) Parked() bool { return c.park.state.Load() == parkParked }

// Live returns what is left of handshakes, connections and goroutines.
func (g *Group) Live() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.live
}
