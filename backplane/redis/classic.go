package redis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The types of requests and responses of @socket.io/redis-adapter.
const (
	typeSockets    = 0
	typeAllRooms   = 1
	typeJoin       = 2
	typeLeave      = 3
	typeDisconnect = 4
	typeFetch      = 5
	typeServerEmit = 6
	typeBroadcast  = 7 // with acks
	typeCount      = 8
	typeAck        = 9
)

var (
	errWire   = errors.New("not a message of @socket.io/redis-adapter")
	attached  = packet.Limits{Attachments: 1000}
	errNoNode = errors.New("it is not accepted by Node")
)

// names are rooms or ids. Node has rooms that are numbers too, which are texts here.
type names []string

func (n *names) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if start, err := d.Token(); err != nil || start != json.Delim('[') {
		return errWire
	}
	for d.More() {
		v, err := d.Token()
		if err != nil {
			return err
		}
		if len(*n) == maxNames {
			return errWire
		}
		switch v := v.(type) {
		case string:
			*n = append(*n, v)
		case float64:
			*n = append(*n, strconv.FormatFloat(v, 'f', -1, 64))
		default:
			return errWire
		}
	}
	return nil
}

// MarshalJSON writes an array, also for nil.
func (n names) MarshalJSON() ([]byte, error) { return json.Marshal(append([]string{}, n...)) }

// wireOptions select clients.
type wireOptions struct {
	Rooms  names     `json:"rooms"`
	Except names     `json:"except"`
	Flags  wireFlags `json:"flags,omitzero"`
}

type wireFlags struct {
	Volatile bool  `json:"volatile,omitempty"`
	Compress *bool `json:"compress,omitempty"`
	Timeout  int64 `json:"timeout,omitempty"` // milliseconds
}

func (f wireFlags) flags() (flags backplane.Flags) {
	if f.Volatile {
		flags |= backplane.Volatile
	}
	if f.Compress != nil && !*f.Compress {
		flags |= backplane.Uncompressed
	}
	return flags
}

// optionsOf returns the selection of a message. A name stands for a room and for an id: Node has a
// room for each client.
func optionsOf(m *backplane.Message) (wireOptions, error) {
	o := wireOptions{Rooms: unique(m.Select.Rooms, m.Select.IDs), Except: unique(m.Select.ExceptRooms, m.Select.ExceptIDs)}
	o.Flags.Volatile = m.Flags&backplane.Volatile != 0
	if m.Flags&backplane.Uncompressed != 0 {
		o.Flags.Compress = new(bool)
	}
	for _, list := range [][]string{o.Rooms, o.Except, m.Rooms} {
		for _, s := range list {
			if !utf8.ValidString(s) { // its decoder throws, which ends the process
				return o, errNoNode
			}
		}
	}
	return o, nil
}

// unique returns the names in a and b, once each. It is never nil: Node expects an array.
func unique(a, b []string) names {
	all := append(append(names{}, a...), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// selection returns the selection of a message of Node.
func (o wireOptions) selection(keys []uint32, namespace string) backplane.Selection {
	return backplane.Selection{
		Endpoints: keys, Namespace: namespace, Rooms: o.Rooms, IDs: o.Rooms, ExceptRooms: o.Except, ExceptIDs: o.Except,
	}
}

// appendBroadcast appends [uid, packet, options].
func appendBroadcast(b []byte, uid, namespace string, m *backplane.Message) ([]byte, error) {
	o, err := optionsOf(m)
	if err != nil {
		return b, err
	}
	b = msgp.AppendArrayHeader(b, 3)
	b = msgp.AppendString(b, uid)
	p := &packet.Packet{Type: packet.Event, Namespace: namespace, Event: m.Event, Payload: websockets.Payload(m.Payload)}
	if b, _, _, err = msgpack.Parser().Append(b, p, attached); err != nil {
		return b, err
	}
	return appendOptions(b, o), nil
}

func appendOptions(b []byte, o wireOptions) []byte {
	b = msgp.AppendMapHeader(b, 3)
	b = appendNames(msgp.AppendString(b, "rooms"), o.Rooms)
	b = appendNames(msgp.AppendString(b, "except"), o.Except)
	var flags []byte
	n := uint32(0)
	if o.Flags.Volatile {
		n, flags = n+1, msgp.AppendBool(msgp.AppendString(flags, "volatile"), true)
	}
	if o.Flags.Compress != nil {
		n, flags = n+1, msgp.AppendBool(msgp.AppendString(flags, "compress"), *o.Flags.Compress)
	}
	if o.Flags.Timeout > 0 {
		n, flags = n+1, msgp.AppendInt64(msgp.AppendString(flags, "timeout"), o.Flags.Timeout)
	}
	return append(msgp.AppendMapHeader(msgp.AppendString(b, "flags"), n), flags...)
}

func appendNames(b []byte, all names) []byte {
	b = msgp.AppendArrayHeader(b, uint32(len(all)))
	for _, s := range all {
		b = msgp.AppendString(b, s)
	}
	return b
}

// appendAck appends the answer of a client, {type: 9, requestId, packet}.
func appendAck(b []byte, requestID string, p backplane.Payload) ([]byte, error) {
	whole, _, _, err := msgpack.Parser().Append(nil, &packet.Packet{Type: packet.Event, Namespace: "/", Event: "e", Payload: websockets.Payload(p)}, attached)
	if err != nil {
		return b, err
	}
	_, values, err := msgp.ReadArrayHeaderBytes(member(whole, "data"))
	if err == nil {
		values, err = msgp.Skip(values) // the name of the event
	}
	if err != nil {
		return b, err
	}
	b = msgp.AppendMapHeader(b, 3)
	b = msgp.AppendInt(msgp.AppendString(b, "type"), typeAck)
	b = msgp.AppendString(msgp.AppendString(b, "requestId"), requestID)
	b = msgp.AppendString(b, "packet")
	rest, err := msgp.Skip(values)
	if err != nil { // no argument
		return msgp.AppendNil(b), nil //nolint:nilerr // see above
	}
	return append(b, values[:len(values)-len(rest)]...), nil
}

// member returns what follows the name of a member of a map; nil without it.
func member(b []byte, name string) []byte {
	n, b, err := msgp.ReadMapHeaderBytes(b)
	for range n {
		if err != nil {
			return nil
		}
		var key string
		if key, b, err = msgp.ReadStringBytes(b); err != nil {
			return nil
		}
		if key == name {
			return b
		}
		b, err = msgp.Skip(b)
	}
	return nil
}

// readPacket reads an event.
func readPacket(b []byte, namespace string) (*packet.Packet, []byte, error) {
	rest, err := msgp.Skip(b)
	if err != nil {
		return nil, nil, err
	}
	p, err := msgpack.Parser().NewDecoder(attached).Binary(slices.Clone(b[:len(b)-len(rest)]))
	if err != nil {
		return nil, nil, err
	}
	if p.Type != packet.Event || p.Namespace != namespace {
		return nil, nil, fmt.Errorf("a packet of type %d of namespace %q: %w", p.Type, p.Namespace, errWire)
	}
	return p, rest, nil
}

// readOptions reads the options of a broadcast.
func readOptions(b []byte) (o wireOptions, err error) {
	if o.Rooms, err = readNames(member(b, "rooms")); err != nil {
		return o, err
	}
	if o.Except, err = readNames(member(b, "except")); err != nil {
		return o, err
	}
	flags := member(b, "flags")
	if v := member(flags, "volatile"); v != nil {
		o.Flags.Volatile, _, _ = msgp.ReadBoolBytes(v)
	}
	if v := member(flags, "compress"); v != nil {
		if on, _, err := msgp.ReadBoolBytes(v); err == nil {
			o.Flags.Compress = &on
		}
	}
	if v := member(flags, "timeout"); v != nil {
		o.Flags.Timeout, _, _ = msgp.ReadInt64Bytes(v)
	}
	return o, nil
}

// maxNames bounds the names of a list.
const maxNames = 10_000

func readNames(b []byte) (all names, err error) {
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || n > maxNames {
		return nil, errWire
	}
	for range n {
		var s string
		switch msgp.NextType(b) {
		case msgp.StrType:
			s, b, err = msgp.ReadStringBytes(b)
		case msgp.IntType, msgp.UintType:
			var i int64
			i, b, err = msgp.ReadInt64Bytes(b)
			s = strconv.FormatInt(i, 10)
		default:
			err = errWire
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// request is a request of Node, in JSON, or in MessagePack for broadcasts with acks.
type request struct {
	UID       string            `json:"uid,omitempty"`
	RequestID *string           `json:"requestId,omitempty"`
	Type      int               `json:"type"`
	Opts      *wireOptions      `json:"opts,omitempty"`
	Rooms     names             `json:"rooms,omitempty"`
	Close     *bool             `json:"close,omitempty"`
	Data      []json.RawMessage `json:"data,omitempty"`

	packet *packet.Packet
}

// requestMemory is how many bytes the parts of a request may have beside its text: so many, and as many times its length.
const requestMemory, requestFactor = 64 << 10, 4

// readRequest reads a request; of one of a Gatehouse node only the uid.
func readRequest(b []byte, namespace string) (r *request, err error) {
	if bytes.HasPrefix(b, []byte(`{"uid":"`+ourUID)) {
		return &request{UID: ourUID}, nil
	}
	if len(b) > 0 && b[0] == '{' {
		r = &request{}
		return r, codec.Unmarshal(b, r, codec.Options{Budget: requestMemory + requestFactor*len(b)})
	}
	r = &request{Type: typeBroadcast, Opts: &wireOptions{}}
	kind, _, err := msgp.ReadIntBytes(member(b, "type"))
	if err != nil {
		return nil, errWire
	}
	if r.Type = kind; kind != typeBroadcast {
		return r, nil
	}
	if r.UID, _, err = msgp.ReadStringBytes(member(b, "uid")); err != nil {
		return nil, errWire
	}
	if strings.HasPrefix(r.UID, ourUID) {
		return r, nil
	}
	id, _, err := msgp.ReadStringBytes(member(b, "requestId"))
	if err != nil {
		return nil, errWire
	}
	r.RequestID = &id
	if r.packet, _, err = readPacket(member(b, "packet"), namespace); err != nil {
		return nil, err
	}
	*r.Opts, err = readOptions(member(b, "opts"))
	return r, err
}

// wait returns how long the answers of a request are of use.
func (r *request) wait() time.Duration {
	const most = time.Hour
	if r.Opts != nil && r.Opts.Flags.Timeout > 0 {
		return min(time.Duration(min(r.Opts.Flags.Timeout, most.Milliseconds()))*time.Millisecond, most)
	}
	return 10 * time.Second
}
