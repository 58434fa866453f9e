package socketio

import (
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/go-json-experiment/json"
)

var _ resume.Live = (*socket)(nil)

// find returns the resumption that a client's auth requests; nil without one.
func (s *server) find(auth websockets.Payload, namespace string) *resume.Resumption {
	var ask struct {
		PID    string `json:"pid"`
		Offset string `json:"offset"`
	}
	if json.Unmarshal(auth.JSON, &ask) != nil || ask.PID == "" || ask.Offset == "" {
		return nil
	}
	return s.recovery.Find(ask.PID, ask.Offset, namespace, "")
}

// resumed answers the CONNECT of a client that resumes, with its old ids. connection.mu is held.
func (s *socket) resumed(j *resume.Journal) bool {
	m, err := s.conn.srv.connected(s.namespace, j.ID(), j.PrivateID())
	if err != nil {
		return false
	}
	s.id, s.journal = j.ID(), j
	_ = s.conn.push(m, outbox.Refuse)
	return true
}

// Send implements [resume.Live].
func (s *socket) Send(m *message, out *adapter.Outgoing) error { return s.conn.send(m, out) }

// Replay implements [resume.Live].
func (s *socket) Replay(m *message) error { return s.conn.push(m, outbox.Refuse) }

// Abort implements [resume.Live].
func (s *socket) Abort(why websockets.Reason) { s.conn.eng.Close(why, wsconn.CloseAbort) }
