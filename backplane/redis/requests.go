package redis

import (
	"encoding/json"
	"strings"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// request handles a request of Node, and reports whether it understood it.
func (b *bridge) request(namespace string, text []byte) bool {
	r, err := readRequest(text, namespace)
	if err != nil {
		return false
	}
	if strings.HasPrefix(r.UID, ourUID) {
		return true
	}
	keys := b.byName[namespace]
	opts := r.Opts
	if opts == nil {
		if r.Type >= typeJoin && r.Type <= typeFetch {
			return false // of adapters before version 6, which is no selection
		}
		opts = &wireOptions{}
	}
	switch r.Type {
	case typeJoin:
		return b.pass(&backplane.Message{Kind: backplane.Join, Select: opts.selection(keys, namespace), Rooms: r.Rooms})
	case typeLeave:
		return b.pass(&backplane.Message{Kind: backplane.Leave, Select: opts.selection(keys, namespace), Rooms: r.Rooms})
	case typeDisconnect:
		return b.pass(&backplane.Message{Kind: backplane.Disconnect, Select: opts.selection(keys, namespace)})
	case typeServerEmit:
		return b.serverEmit(namespace, keys, r)
	case typeSockets, typeAllRooms, typeFetch:
		if r.Type == typeSockets {
			opts.Rooms = r.Rooms
		}
		return b.ask(namespace, r, &backplane.Message{Kind: backplane.Fetch, Select: opts.selection(keys, namespace)})
	case typeBroadcast:
		if r.packet == nil {
			return false
		}
		return b.ask(namespace, r, &backplane.Message{
			Kind: backplane.Call, Select: opts.selection(keys, namespace), Event: r.packet.Event, Payload: backplane.Payload(r.packet.Payload), Flags: opts.Flags.flags(),
		})
	}
	return true
}

// serverEmit handles an event for the nodes themselves. Handlers of node events have no answer: one that
// Node waits for is null.
func (b *bridge) serverEmit(namespace string, keys []uint32, r *request) bool {
	var event string
	if len(r.Data) == 0 || json.Unmarshal(r.Data[0], &event) != nil || event == "" {
		return false
	}
	m := &backplane.Message{Kind: backplane.NodeEvent, Select: backplane.Selection{Endpoints: keys}, Event: event}
	switch args := r.Data[1:]; len(args) {
	case 0:
	case 1:
		m.Payload.JSON = args[0]
	default:
		all, err := json.Marshal(args)
		if err != nil {
			return false
		}
		m.Payload.JSON, m.Payload.Spread = all, true
	}
	if !b.pass(m) {
		return false
	}
	if r.RequestID != nil {
		// The answer is sent after that of the framework, which has no such client.
		return b.ask(namespace, r, &backplane.Message{Kind: backplane.Fetch, Select: backplane.Selection{Endpoints: keys, IDs: []string{foreign}}})
	}
	return true
}

// response is an answer to Node, in JSON.
type response struct {
	Type        *int             `json:"type,omitempty"`
	RequestID   string           `json:"requestId"`
	Sockets     any              `json:"sockets,omitempty"`
	Rooms       names            `json:"rooms,omitzero"`
	ClientCount *uint32          `json:"clientCount,omitempty"`
	Data        *json.RawMessage `json:"data,omitempty"`
}

// socket is a client as Node expects it. What Gatehouse does not send between nodes is empty.
type socket struct {
	ID        string    `json:"id"`
	Handshake handshake `json:"handshake"`
	Rooms     names     `json:"rooms"`

	Data map[string]json.RawMessage `json:"data"`
}

type handshake struct {
	Headers map[string]string `json:"headers"`
	Time    string            `json:"time"`
	Address string            `json:"address"`
	Xdomain bool              `json:"xdomain"`
	Secure  bool              `json:"secure"`
	Issued  int64             `json:"issued"`
	URL     string            `json:"url"`
	Query   map[string]string `json:"query"`
	Auth    map[string]any    `json:"auth"`
}

// answer appends the answer of this node to a request of Node.
func (b *bridge) answer(dst []publication, m *backplane.Message) []publication {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.requests[m.Request]
	if a == nil {
		return dst
	}
	r := response{RequestID: a.requestID}
	switch m.Kind {
	case backplane.CallCount:
		if a.counted {
			return dst // more ids
		}
		a.counted = true
		kind := typeCount
		r.Type, r.ClientCount = &kind, &m.Count
		if m.Count == 0 {
			delete(b.requests, m.Request)
		}
	case backplane.CallAnswer:
		if len(m.Body) > 0 { // the client has not answered
			return dst
		}
		if text, err := appendAck(nil, r.RequestID, m.Payload); err == nil {
			dst = append(dst, publication{b.responseChannel(a.namespace), text})
		}
		return dst
	case backplane.Fetched:
		var some []fetchedClient
		if len(m.Body) > 0 && json.Unmarshal(m.Body, &some) != nil {
			return dst
		}
		if a.clients = append(a.clients, some...); len(a.clients) < int(m.Count) {
			return dst
		}
		delete(b.requests, m.Request)
		a.fill(&r)
	default:
		return dst
	}
	text, err := json.Marshal(r)
	if err != nil {
		return dst
	}
	return append(dst, publication{b.responseChannel(a.namespace), text})
}

// fill puts the clients of this node into a response.
func (a *asked) fill(r *response) {
	switch a.kind {
	case typeServerEmit:
		kind, data := typeServerEmit, json.RawMessage("null")
		r.Type, r.Data = &kind, &data
	case typeAllRooms:
		r.Rooms = names{}
		for _, c := range a.clients {
			r.Rooms = append(append(r.Rooms, c.Rooms...), c.ID)
		}
		r.Rooms = unique(r.Rooms, nil)
	case typeSockets:
		ids := names{}
		for _, c := range a.clients {
			ids = append(ids, c.ID)
		}
		r.Sockets = ids
	default:
		all := []socket{}
		for _, c := range a.clients {
			if c.Shared == nil {
				c.Shared = map[string]json.RawMessage{}
			}
			all = append(all, socket{
				ID: c.ID, Rooms: append(names{c.ID}, c.Rooms...), Data: c.Shared,
				Handshake: handshake{Headers: map[string]string{}, Query: map[string]string{}, Auth: map[string]any{}},
			})
		}
		r.Sockets = all
	}
}
