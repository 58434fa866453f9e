package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/redis/rueidis"
	"github.com/tinylib/msgp/msgp"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	// maxQuestions bounds the questions that wait for answers of Node.
	maxQuestions = 1000
	// maxCalled bounds the clients of Node that one question calls.
	maxCalled = 100_000
	// maxResponse bounds an answer of Node, in bytes.
	maxResponse = 16 << 20
	// more is the number of clients while some servers have not answered.
	more = math.MaxInt32
	// onlyCount, as Count of a Fetch, asks for the number of clients alone.
	onlyCount = 1
)

// question is a Call or Fetch of this node, which the servers of Node are asked too. To the framework
// they are one node. An answer does not say which of them has sent it.
type question struct {
	request string
	kind    backplane.Kind
	count   bool // asks for the number of clients alone
	until   time.Time

	awaited int      // answers that are missing: of a Call the numbers of clients
	clients int      // of the answers
	called  int      // has named the clients of a Call
	open    []string // the names of those that have not answered
}

// servers returns how many servers of Node serve each namespace that messages ask about. A Gatehouse node
// subscribes to the channel of requests too, and in the same command to another one.
func (s *session) servers(ctx context.Context, namespaces []string) (map[string]int, error) {
	if len(namespaces) == 0 {
		return nil, nil
	}
	clients := []rueidis.Client{s.client}
	if s.e.opts.cluster {
		clients = clients[:0]
		for _, c := range s.client.Nodes() {
			clients = append(clients, c)
		}
	}
	var channels []string
	for _, n := range namespaces {
		channels = append(channels, s.e.bridge.requestChannel(n), s.e.bridge.nodesChannel(n))
	}
	defer context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })()
	found := map[string]int{}
	for _, c := range clients {
		counts, err := c.Do(ctx, c.B().PubsubNumsub().Channel(channels...).Build()).AsIntMap()
		if err != nil {
			return nil, err
		}
		for _, n := range namespaces {
			found[n] += int(counts[s.e.bridge.requestChannel(n)] - counts[s.e.bridge.nodesChannel(n)])
		}
	}
	return found, nil
}

// asked returns the namespaces whose servers the questions of a batch are for.
func (b *bridge) asked(batch []*backplane.Message) (all []string) {
	for _, m := range batch {
		if m.Kind == backplane.Call || m.Kind == backplane.Fetch {
			all = append(all, b.selected(m.Select)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// question appends the requests for Node of a Call or Fetch. Without a server of Node, it is answered at once.
func (b *bridge) question(dst []publication, m *backplane.Message, servers map[string]int) []publication {
	q := &question{request: m.Request, kind: m.Kind, count: m.Count == onlyCount, until: time.Now().Add(m.Wait + time.Second)}
	for _, n := range b.selected(m.Select) {
		if servers[n] <= 0 {
			continue
		}
		p := publication{channel: b.requestChannel(n)}
		var err error
		if p.bytes, err = appendRequest(nil, b.uid, n, m); err == nil { // otherwise no client of Node is selected
			q.awaited += servers[n]
			dst = append(dst, p)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.awaited == 0 {
		b.end(q)
		return dst
	}
	for id, old := range b.questions {
		if time.Now().After(old.until) {
			delete(b.questions, id)
		}
	}
	if len(b.questions) < maxQuestions {
		b.questions[q.request] = q
	}
	return dst
}

// appendRequest appends the request of a Call or Fetch.
func appendRequest(dst []byte, uid, namespace string, m *backplane.Message) ([]byte, error) {
	o, err := optionsOf(m)
	if err != nil {
		return dst, err
	}
	if m.Kind == backplane.Fetch {
		o.Flags = wireFlags{}
		text, err := json.Marshal(request{UID: uid, RequestID: &m.Request, Type: typeFetch, Opts: &o})
		return append(dst, text...), err
	}
	o.Flags.Timeout = max(1, m.Wait.Milliseconds())
	dst = msgp.AppendMapHeader(dst, 5)
	dst = msgp.AppendString(msgp.AppendString(dst, "uid"), uid)
	dst = msgp.AppendString(msgp.AppendString(dst, "requestId"), m.Request)
	dst = msgp.AppendInt(msgp.AppendString(dst, "type"), typeBroadcast)
	dst = msgp.AppendString(dst, "packet")
	p := &packet.Packet{Type: packet.Event, Namespace: namespace, Event: m.Event, Payload: websockets.Payload(m.Payload)}
	if dst, _, _, err = msgpack.Parser().Append(dst, p, attached); err != nil {
		return dst, err
	}
	return appendOptions(msgp.AppendString(dst, "opts"), o), nil
}

// reply passes an answer to the framework; b.mu is held.
func (b *bridge) reply(q *question, m *backplane.Message) {
	m.Origin, m.To, m.Channel, m.Request = foreign, b.self, backplane.ChannelNode(b.self), q.request
	b.in.Receive([]*backplane.Message{m})
}

// end answers a question of which no server of Node knows more; b.mu is held.
func (b *bridge) end(q *question) {
	kind := backplane.Fetched
	if q.kind == backplane.Call {
		kind = backplane.CallCount
	}
	b.reply(q, &backplane.Message{Kind: kind, Count: uint32(q.clients)})
}

// response handles an answer of a server of Node, and reports whether it understood it.
func (b *bridge) response(namespace string, text []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.questions) == 0 {
		return true // of a question of another server
	}
	r, err := readResponse(text)
	if err != nil {
		return false
	}
	q := b.questions[r.RequestID]
	if q == nil {
		return true
	}
	understood := true
	switch {
	case q.kind == backplane.Fetch && r.Sockets != nil:
		understood = b.fetched(q, namespace, r.Sockets)
	case q.kind == backplane.Call && r.Type == typeCount && r.ClientCount != nil:
		understood = b.counted(q, *r.ClientCount)
	case q.kind == backplane.Call && r.Type == typeAck && len(q.open) > 0:
		m := &backplane.Message{Kind: backplane.CallAnswer, Payload: r.payload, Select: backplane.Selection{IDs: q.open[:1:1]}}
		if (envelope.Limits{}).Check(m) != nil {
			return false
		}
		q.open = q.open[1:]
		b.reply(q, m)
	}
	if q.awaited == 0 && len(q.open) == 0 {
		delete(b.questions, q.request)
	}
	return understood
}

// fetched handles the clients of a server.
func (b *bridge) fetched(q *question, namespace string, sockets []remoteSocket) bool {
	if q.awaited--; q.awaited < 0 {
		return true // it has answered twice
	}
	q.clients += len(sockets)
	switch {
	case q.awaited == 0 && (q.count || len(sockets) == 0):
		b.end(q)
		return true
	case q.count:
		return true
	}
	all := make([]fetchedClient, len(sockets))
	for i, s := range sockets {
		all[i] = s.client(namespace)
	}
	body, err := json.Marshal(all)
	if err != nil {
		return false
	}
	m := &backplane.Message{Kind: backplane.Fetched, Count: more, Body: body}
	if q.awaited == 0 {
		m.Count = uint32(q.clients)
	}
	b.reply(q, m)
	return true
}

// counted handles how many clients a server has called. The framework knows each by a name of its own.
func (b *bridge) counted(q *question, clients uint32) bool {
	if q.awaited <= 0 || clients > maxCalled || q.clients+int(clients) > maxCalled {
		return q.awaited <= 0 // it has answered twice
	}
	q.awaited--
	q.clients += int(clients)
	ids := make([]string, clients)
	for i := range ids {
		q.called++
		ids[i] = fmt.Sprint(q.called)
	}
	q.open = append(q.open, ids...)
	m := &backplane.Message{Kind: backplane.CallCount, Count: more, Select: backplane.Selection{IDs: ids}}
	if q.awaited == 0 {
		m.Count = uint32(q.clients)
	}
	b.reply(q, m)
	return true
}

// nodeResponse is an answer of Node: in JSON, or that of a client in MessagePack.
type nodeResponse struct {
	Type        int            `json:"type"`
	RequestID   string         `json:"requestId"`
	Sockets     []remoteSocket `json:"sockets"`
	ClientCount *uint32        `json:"clientCount"`

	payload backplane.Payload
}

// remoteSocket is a client of Node.
type remoteSocket struct {
	ID    string          `json:"id"`
	Rooms names           `json:"rooms"`
	Data  json.RawMessage `json:"data"`
}

// client returns it as a Gatehouse node describes its own.
func (s remoteSocket) client(namespace string) fetchedClient {
	c := fetchedClient{ID: s.ID, Platform: "socketio", Namespace: namespace}
	for _, r := range s.Rooms {
		if r != s.ID {
			c.Rooms = append(c.Rooms, r)
		}
	}
	slices.Sort(c.Rooms)
	_ = json.Unmarshal(s.Data, &c.Shared) // a value that is no object has no names
	return c
}

// readResponse reads an answer.
func readResponse(text []byte) (r *nodeResponse, err error) {
	r = &nodeResponse{}
	switch {
	case len(text) > maxResponse:
		return nil, errWire
	case len(text) > 0 && text[0] == '{':
		return r, json.Unmarshal(text, r)
	}
	if r.Type, _, err = msgp.ReadIntBytes(member(text, "type")); err != nil {
		return nil, errWire
	}
	if r.RequestID, _, err = msgp.ReadStringBytes(member(text, "requestId")); err != nil || r.Type != typeAck {
		return r, err
	}
	value := member(text, "packet")
	rest, err := msgp.Skip(value)
	if err != nil {
		return nil, errWire
	}
	whole := msgp.AppendInt(msgp.AppendString(msgp.AppendMapHeader(nil, 3), "type"), int(packet.Event))
	whole = msgp.AppendString(msgp.AppendString(whole, "nsp"), "/")
	whole = msgp.AppendString(msgp.AppendArrayHeader(msgp.AppendString(whole, "data"), 2), "e")
	p, _, err := readPacket(append(whole, value[:len(value)-len(rest)]...), "/")
	if err != nil {
		return nil, err
	}
	r.payload = backplane.Payload(p.Payload)
	return r, nil
}
