package redis

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
	"github.com/tinylib/msgp/msgp"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

const (
	// ourUID starts the uid of a Gatehouse node. These send each other native frames, and ignore what
	// they send to Node.
	ourUID = "gatehouse-"
	// foreign is the origin of what Node sends.
	foreign = "socket.io"
	// maxRequests bounds the requests of Node that wait for this node's answer, and maxRequestID the length of
	// their ids in bytes.
	maxRequests, maxRequestID = 1000, 1024
)

// maxMessage is the length of the longest message that is read.
var maxMessage = envelope.Limits{}.MaxMessage()

// bridge exchanges messages with servers of Socket.IO on Node by the channels of
// @socket.io/redis-adapter.
type bridge struct {
	key  string
	self string // the id of the node
	uid  string
	in   backplane.Inbound

	namespaces []string            // that the wire can name, sorted
	spaces     []space             // theirs, in this order
	byName     map[string][]uint32 // keys of endpoints
	byKey      map[uint32]string

	mu        sync.Mutex
	number    uint64
	requests  map[string]*asked    // by the number that this node answers under
	questions map[string]*question // of this node, by request
}

// space is the names of the channels of a namespace.
type space struct{ events, requests, responses string }

// asked is a request of Node that this node answers.
type asked struct {
	kind      int // of the request
	requestID string
	namespace string
	until     time.Time

	counted bool
	clients []fetchedClient
}

// fetchedClient is a client in the body of a Fetched.
type fetchedClient struct {
	ID        string                     `json:"id"`
	Platform  string                     `json:"platform"`
	Namespace string                     `json:"namespace"`
	Rooms     []string                   `json:"rooms"`
	Shared    map[string]json.RawMessage `json:"shared,omitempty"`
}

// publication is a message for Node.
type publication struct {
	channel string
	bytes   []byte
}

func newBridge(key string) *bridge {
	return &bridge{key: key, byName: map[string][]uint32{}, byKey: map[uint32]string{}, requests: map[string]*asked{}, questions: map[string]*question{}}
}

func (b *bridge) setEndpoints(all []backplane.Endpoint) {
	for _, e := range all {
		if e.Platform == "socketio" && e.Namespace != "" {
			b.byKey[e.Key] = e.Namespace
			b.byName[e.Namespace] = append(b.byName[e.Namespace], e.Key)
		}
	}
	for name := range b.byName {
		b.namespaces = append(b.namespaces, name)
	}
	slices.Sort(b.namespaces)
	for _, n := range b.namespaces {
		b.spaces = append(b.spaces, space{b.key + "#" + n + "#", b.requestChannel(n), b.responseChannel(n)})
	}
}

// patterns and channels are what the node subscribes to.
func (b *bridge) patterns() (all []string) {
	escape := strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`)
	for _, n := range b.namespaces {
		all = append(all, escape.Replace(b.key+"#"+n+"#")+"*")
	}
	return all
}

func (b *bridge) channels() (all []string) {
	for _, n := range b.namespaces {
		all = append(all, b.requestChannel(n), b.nodesChannel(n), b.responseChannel(n), b.ownChannel(n))
	}
	return all
}

// nodesChannel has the Gatehouse nodes of a namespace as its subscribers. Nothing is sent there.
func (b *bridge) nodesChannel(namespace string) string {
	return b.key + keySuffix + "#" + namespace + "#"
}

func (b *bridge) requestChannel(namespace string) string {
	return b.key + "-request#" + namespace + "#"
}
func (b *bridge) responseChannel(namespace string) string {
	return b.key + "-response#" + namespace + "#"
}

// ownChannel is for answers of servers with publishOnSpecificResponseChannel.
func (b *bridge) ownChannel(namespace string) string {
	return b.responseChannel(namespace) + b.uid + "#"
}

// outgoing appends what Node receives of a message; servers are how many serve a namespace. What its decoder would not accept, or the wire has no
// form for, is left out.
func (b *bridge) outgoing(dst []publication, m *backplane.Message, servers map[string]int) []publication {
	if m.To == foreign {
		return b.answer(dst, m)
	}
	switch m.Kind {
	case backplane.Call, backplane.Fetch:
		return b.question(dst, m, servers)
	case backplane.Event, backplane.Join, backplane.Leave, backplane.Disconnect, backplane.NodeEvent:
	default:
		return dst
	}
	for _, n := range b.selected(m.Select) {
		if p, ok := b.publication(n, m); ok {
			dst = append(dst, p)
		}
	}
	return dst
}

// selected returns the namespaces of a selection that the wire can name.
func (b *bridge) selected(sel backplane.Selection) (found []string) {
	for _, n := range b.namespaces {
		has := sel.Endpoints == nil || slices.ContainsFunc(sel.Endpoints, func(k uint32) bool { return b.byKey[k] == n })
		if has && (sel.Namespace == "" || sel.Namespace == n) {
			found = append(found, n)
		}
	}
	return found
}

func (b *bridge) publication(namespace string, m *backplane.Message) (p publication, ok bool) {
	if m.Kind == backplane.Event {
		p.channel = b.key + "#" + namespace + "#"
		if to := unique(m.Select.Rooms, m.Select.IDs); len(to) == 1 {
			p.channel += to[0] + "#"
		}
		var err error
		p.bytes, err = appendBroadcast(nil, b.uid, namespace, m)
		return p, err == nil
	}
	o, err := optionsOf(m)
	if err != nil {
		return p, false
	}
	r := request{UID: b.uid}
	switch m.Kind {
	case backplane.Join:
		r.Type, r.Opts, r.Rooms = typeJoin, &o, m.Rooms
	case backplane.Leave:
		r.Type, r.Opts, r.Rooms = typeLeave, &o, m.Rooms
	case backplane.Disconnect:
		r.Type, r.Opts, r.Close = typeDisconnect, &o, new(bool)
	default:
		if len(m.Payload.Attachments) > 0 {
			return p, false // the wire has no binary here
		}
		event, _ := json.Marshal(m.Event) //nolint:errchkjson // a text always does
		r.Type, r.Data = typeServerEmit, []json.RawMessage{event}
		if m.Payload.Spread {
			var args []json.RawMessage
			if json.Unmarshal(m.Payload.JSON, &args) != nil {
				return p, false
			}
			r.Data = append(r.Data, args...)
		} else if len(m.Payload.JSON) > 0 {
			r.Data = append(r.Data, m.Payload.JSON)
		}
	}
	p.channel = b.requestChannel(namespace)
	p.bytes, err = json.Marshal(r)
	return p, err == nil
}

// receive handles a message of Node.
func (b *bridge) receive(m rueidis.PubSubMessage) {
	if len(m.Message) > maxMessage || !b.read(m.Channel, []byte(m.Message)) {
		b.in.ReceiveFrame(backplane.ChannelEvents, nil) // counts it as invalid
	}
}

// read reports whether it understood the message.
func (b *bridge) read(channel string, text []byte) bool {
	for i, n := range b.namespaces {
		at := b.spaces[i]
		if strings.HasPrefix(channel, at.events) {
			return b.broadcast(n, text)
		}
		if channel == at.requests {
			return b.request(n, text)
		}
		if rest, is := strings.CutPrefix(channel, at.responses); is && (rest == "" || rest == b.uid+"#") {
			return b.response(n, text)
		}
	}
	return true
}

// broadcast handles [uid, packet, options].
func (b *bridge) broadcast(namespace string, text []byte) bool {
	n, rest, err := msgp.ReadArrayHeaderBytes(text)
	if err != nil || n < 3 {
		return false
	}
	uid, rest, err := msgp.ReadStringBytes(rest)
	if err != nil {
		return false
	}
	if strings.HasPrefix(uid, ourUID) {
		return true
	}
	p, rest, err := readPacket(rest, namespace)
	if err != nil {
		return false
	}
	o, err := readOptions(rest)
	if err != nil {
		return false
	}
	return b.pass(&backplane.Message{Kind: backplane.Event, Select: o.selection(b.byName[namespace], namespace), Event: p.Event, Payload: backplane.Payload(p.Payload), Flags: o.Flags.flags()})
}

// pass has the framework handle a message of Node, and reports whether it is one that a Gatehouse node may
// send: what the framework refuses counts against its origin, which all servers of Node share.
func (b *bridge) pass(m *backplane.Message) bool {
	named := m.Kind == backplane.Event || m.Kind == backplane.Call
	if named && m.Event == "" || (envelope.Limits{}).Check(m) != nil {
		return false
	}
	m.Origin, m.Channel = foreign, backplane.ChannelEvents
	b.in.Receive([]*backplane.Message{m})
	return true
}

// ask has the framework handle a request of Node that is answered, as pass.
func (b *bridge) ask(namespace string, r *request, m *backplane.Message) bool {
	if r.RequestID == nil || len(*r.RequestID) > maxRequestID {
		return false
	}
	m.Wait = r.wait()
	now := time.Now()
	b.mu.Lock()
	for id, a := range b.requests {
		if now.After(a.until) {
			delete(b.requests, id)
		}
	}
	if len(b.requests) >= maxRequests {
		b.mu.Unlock()
		return true // Node does not wait without end
	}
	b.number++
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], b.number)
	m.Request = hex.EncodeToString(raw[:])
	b.requests[m.Request] = &asked{kind: r.Type, requestID: strings.Clone(*r.RequestID), namespace: namespace, until: now.Add(m.Wait + time.Second)}
	b.mu.Unlock()
	if b.pass(m) {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.requests, m.Request)
	return false
}
