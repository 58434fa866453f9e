package pipeline_test

import (
	"encoding/json"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// startManagers starts manager.mjs.
func startManagers(t *testing.T) *nodetest.Process {
	t.Helper()
	return nodetest.StartProcess(t, "../pipeline/manager.mjs", func(line []byte) { t.Errorf("unexpected: %s", line) })
}

// manager is one connection of socket.io-client, with any number of sockets.
type manager struct {
	t    *testing.T
	p    *nodetest.Process
	name string
}

// entry is the server's answer to the connect of a socket.
type entry struct {
	ID, Connection string
	Rejected       *connectError
}

// connectError is socket.io-client's connect_error.
type connectError struct {
	Message string
	Data    json.RawMessage
	Status  int    // of the HTTP response, if the client has it
	Text    string // its body
}

func newManager(t *testing.T, p *nodetest.Process, name, url string, opts nodetest.Opts) *manager {
	t.Helper()
	p.MustDo("open", nodetest.Fields{"manager": name, "url": url, "opts": opts})
	return &manager{t, p, name}
}

// openManager is newManager for an attempt.
func openManager(v *attempt, path string, transports ...string) *manager {
	v.t.Helper()
	return newManager(v.t, v.managers, v.row, v.h.url, nodetest.Opts{"path": path, "transports": transports, "query": v.parameters()})
}

func (m *manager) do(what string, fields nodetest.Fields) json.RawMessage {
	m.t.Helper()
	fields["manager"] = m.name
	if s, ok := fields["socket"].(string); ok {
		fields["socket"] = m.name + " " + s
	}
	return m.p.MustDo(what, fields)
}

func (m *manager) entry(what string, fields nodetest.Fields) (e entry) {
	m.t.Helper()
	if err := json.Unmarshal(m.do(what, fields), &e); err != nil {
		m.t.Fatal(err)
	}
	return e
}

// enter creates a socket and waits for the server's answer.
func (m *manager) enter(socket, namespace string, auth any) entry {
	m.t.Helper()
	return m.entry("enter", nodetest.Fields{"socket": socket, "namespace": namespace, "auth": auth})
}

// retry is client.auth = auth; client.connect().
func (m *manager) retry(socket string, auth any) entry {
	m.t.Helper()
	return m.entry("retry", nodetest.Fields{"socket": socket, "auth": auth})
}

func (m *manager) emit(socket, event string, args ...any) {
	m.t.Helper()
	m.do("emit", nodetest.Fields{"socket": socket, "event": event, "args": args})
}

// call returns the first argument of the ack, in brackets like other clients.
func (m *manager) call(socket, event string, args ...any) string {
	m.t.Helper()
	return "[" + string(m.do("call", nodetest.Fields{
		"socket": socket, "event": event, "args": args, "timeout": nodetest.Timeout.Milliseconds(),
	})) + "]"
}

func (m *manager) next(socket, event string) string {
	m.t.Helper()
	return string(m.do("next", nodetest.Fields{"socket": socket, "event": event}))
}

func (m *manager) connected(socket string) bool {
	m.t.Helper()
	return string(m.do("connected", nodetest.Fields{"socket": socket})) == "true"
}

// raw sends a raw packet.
func (m *manager) raw(packet string) {
	m.t.Helper()
	m.do("raw", nodetest.Fields{"packet": packet})
}

// rawCall sends a raw packet with an ack id, and returns the ack's arguments.
func (m *manager) rawCall(socket, packet string, ack int) string {
	m.t.Helper()
	return string(m.do("raw", nodetest.Fields{"socket": socket, "packet": packet, "ack": ack}))
}

// awaitEnd waits until the connection is closed.
func (m *manager) awaitEnd() { m.t.Helper(); m.do("closed", nodetest.Fields{}) }

func (m *manager) close() { m.do("close", nodetest.Fields{}) }
