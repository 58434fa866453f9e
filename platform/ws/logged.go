package ws

import "github.com/gatehouse-go/gatehouse/websockets/adapter"

var (
	_ adapter.Recorded  = (*conn)(nil)
	_ adapter.Recoverer = (*server)(nil)
)

// Recovery implements [adapter.Recoverer].
func (s *server) Recovery() *adapter.Recovery { return s.opts.Recovery }

// PrivateID implements [adapter.Recorded].
func (c *conn) PrivateID() string { return c.journal().LoggedID() }

// HoldOutput implements [adapter.Recorded].
func (c *conn) HoldOutput() { c.out.Hold() }

// ReleaseOutput implements [adapter.Recorded].
func (c *conn) ReleaseOutput() { c.out.Release() }
