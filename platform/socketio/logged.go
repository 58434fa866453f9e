package socketio

import (
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

var (
	_ adapter.Recorded  = (*socket)(nil)
	_ adapter.Recoverer = (*server)(nil)
)

// Recovery implements [adapter.Recoverer].
func (s *server) Recovery() *adapter.Recovery { return s.opts.Recovery }

// PrivateID implements [adapter.Recorded].
func (s *socket) PrivateID() string { return s.journal.LoggedID() }

// HoldOutput implements [adapter.Recorded]. It holds that of all namespaces of the connection.
func (s *socket) HoldOutput() { s.conn.eng.HoldOutput() }

// ReleaseOutput implements [adapter.Recorded].
func (s *socket) ReleaseOutput() { s.conn.eng.ReleaseOutput() }

// unlogged reports whether an event is not kept in the log that has the others.
func (s *socket) unlogged(out *adapter.Outgoing) bool {
	if !s.journal.Ring().Logged() {
		return false
	}
	_, known := out.Position()
	return !known
}

// emitUnlogged sends an event that is not kept in the log: with the offset that the client has, since clients take a text at the end of any
// event for one.
func (s *socket) emitUnlogged(out *adapter.Outgoing) error {
	p, err := out.Payload(true)
	if err != nil {
		return err
	}
	err = s.journal.EmitUnlogged(out, func(pos uint64) (*message, error) {
		return s.conn.srv.encode(&packet.Packet{Type: packet.Event, Namespace: s.namespace, Event: out.Event, Payload: p, Offset: resume.Offset(pos)})
	})
	return s.conn.encodeFailed(err)
}
