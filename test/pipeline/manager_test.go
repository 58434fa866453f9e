package pipeline_test

import (
	"encoding/json"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// startManagers runs manager.mjs.
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

// entry is how the server has answered a socket that wanted in.
type entry struct {
	ID, Connection string
	Refused        *refusal
}

// refusal is socket.io-client's connect_error.
type refusal struct {
	Message string
	Data    json.RawMessage
	Status  int    // of the HTTP answer, where the client has one
	Text    string // and its body
}

func newManager(t *testing.T, p *nodetest.Process, name, url string, opts nodetest.Opts) *manager {
	t.Helper()
	p.MustDo("open", nodetest.Fields{"manager": name, "url": url, "opts": opts})
	return &manager{t, p, name}
}

// openManager is newManager for a visit.
func openManager(v *visit, path string, transports ...string) *manager {
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

// enter makes a socket, and waits for the server's answer.
func (m *manager) enter(socket, namespace string, auth any) entry {
	m.t.Helper()
	return m.entry("enter", nodetest.Fields{"socket": socket, "namespace": namespace, "auth": auth})
}

// again is client.auth = auth; client.connect().
func (m *manager) again(socket string, auth any) entry {
	m.t.Helper()
	return m.entry("again", nodetest.Fields{"socket": socket, "auth": auth})
}

func (m *manager) emit(socket, event string, args ...any) {
	m.t.Helper()
	m.do("emit", nodetest.Fields{"socket": socket, "event": event, "args": args})
}

// call gives the first argument of the ack, in brackets as other clients' do.
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

// raw sends a packet by hand.
func (m *manager) raw(packet string) {
	m.t.Helper()
	m.do("raw", nodetest.Fields{"packet": packet})
}

// rawCall sends a packet with the id of an ack, and waits for its arguments.
func (m *manager) rawCall(socket, packet string, ack int) string {
	m.t.Helper()
	return string(m.do("raw", nodetest.Fields{"socket": socket, "packet": packet, "ack": ack}))
}

// awaitEnd waits until the connection has ended.
func (m *manager) awaitEnd() { m.t.Helper(); m.do("closed", nodetest.Fields{}) }

func (m *manager) close() { m.do("close", nodetest.Fields{}) }
