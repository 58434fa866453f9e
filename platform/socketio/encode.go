package socketio

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/go-json-experiment/json/jsontext"
)

// message is an encoded packet for any number of clients. It is immutable.
type message struct {
	item   wsconn.Item
	size   int    // bytes on the wire
	charge int    // what it counts for in a send queue
	offset string // for recovery; empty without
}

// messageKey identifies the message of a broadcast in its Outgoing.
type messageKey struct {
	parser    packet.Parser
	namespace string
	offset    *recoveryStore // the source of its offset; nil without one
}

// frameBuilder encodes broadcasts to a namespace without recovery. It is made once per
// socket, for "/" once per server: otherwise each broadcast would allocate it per client.
type frameBuilder struct {
	key   any // a messageKey
	build func(event string, p websockets.Payload) (any, error)
}

func (s *server) frameBuilderOf(namespace string) *frameBuilder {
	return &frameBuilder{messageKey{parser: s.opts.Parser, namespace: namespace}, func(event string, p websockets.Payload) (any, error) {
		return s.encode(&packet.Packet{Type: packet.Event, Namespace: namespace, Event: event, Payload: p})
	}}
}

// message returns the message of a broadcast.
func (f *frameBuilder) message(out *adapter.Outgoing) (*message, error) {
	m, err := out.Frame(f.key, true, f.build)
	if err != nil {
		return nil, err
	}
	return m.(*message), nil
}

// event returns the message of an event. ack 0 requests no answer.
func (s *server) event(out *adapter.Outgoing, namespace string, ack uint64) (*message, error) {
	if ack != 0 {
		p, err := out.Payload(true)
		if err != nil {
			return nil, err
		}
		return s.encode(&packet.Packet{
			Type: packet.Event, Namespace: namespace, ID: ack, HasID: true, Event: out.Event, Payload: p,
		})
	}
	key := messageKey{s.opts.Parser, namespace, s.recovery}
	if out.Volatile {
		key.offset = nil
	}
	m, err := out.Frame(key, true, func(event string, p websockets.Payload) (any, error) {
		pk := &packet.Packet{Type: packet.Event, Namespace: namespace, Event: event, Payload: p}
		if key.offset != nil {
			pk.Offset = key.offset.nextOffset()
		}
		return s.encode(pk)
	})
	if err != nil {
		return nil, err
	}
	return m.(*message), nil
}

var errParser = errors.New("the parser panicked")

// append encodes a packet. When the parser panics it returns errParser: some callers do
// not recover.
func (s *server) append(dst []byte, p *packet.Packet) (msg []byte, binary bool, attachments [][]byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Logger.Error("the parser panicked", "parser", s.opts.Parser.Name(), "event", p.Event, "panic", v, "stack", string(debug.Stack()))
			msg, err = dst, errParser
		}
	}()
	return s.opts.Parser.Append(dst, p, s.limits)
}

// encode returns the message of a packet.
func (s *server) encode(p *packet.Packet) (*message, error) {
	const room = wsconn.HeaderRoom + 1 // for the frame's header and Engine.IO's "4"
	buf := make([]byte, room, room+len(p.Payload.JSON)+len(p.Event)+len(p.Namespace)+packetRoom)
	buf[room-1] = '4'
	buf, binary, attachments, err := s.append(buf, p)
	if err != nil {
		return nil, s.explain(p, err)
	}
	if binary {
		buf = buf[1:] // binary messages have no packet type
	}
	m := &message{offset: p.Offset}
	m.item.Frame = wsconn.Seal(!binary, buf)
	for _, a := range attachments {
		m.item.More = append(m.item.More, wsconn.SealCopy(false, a))
	}
	m.size, m.charge = m.item.Size(), m.item.Charge()
	return m, nil
}

// packetRoom is how many bytes a packet has besides event, namespace and payload.
const packetRoom = 32

// encodeOnce returns the item of a packet for a single client. Its memory is pooled.
func (s *server) encodeOnce(p *packet.Packet) (it wsconn.Item, err error) {
	f, buf := wsconn.OnceFrame(1, len(p.Payload.JSON)+len(p.Event)+len(p.Namespace)+packetRoom)
	buf[wsconn.HeaderRoom] = '4'
	buf, binary, attachments, err := s.append(buf, p)
	if err != nil {
		f.Free()
		return it, s.explain(p, err)
	}
	skip := 0
	if binary {
		skip = 1
	}
	f.SealOnce(!binary, buf, skip)
	it = wsconn.Item{Frame: f, Once: true}
	for _, a := range attachments {
		it.More = append(it.More, wsconn.SealCopy(false, a))
	}
	return it, nil
}

// explain returns the error of the parser as the application sees it.
func (s *server) explain(p *packet.Packet, err error) error {
	switch {
	case errors.Is(err, packet.ErrReserved):
		return fmt.Errorf("socketio: event name %q is reserved by Socket.IO: use another name", p.Event)
	case errors.Is(err, packet.ErrTooManyAttachments):
		return fmt.Errorf("socketio: event %q has %d attachments, at most %d are allowed: join them, send several events, or raise Options.MaxAttachments",
			p.Event, len(p.Payload.Attachments), s.limits.Attachments)
	}
	return fmt.Errorf("socketio: encode %q: %w", p.Event, err)
}

// connected returns the answer to an accepted CONNECT.
func (s *server) connected(namespace, sid, pid string) (*message, error) {
	b := append([]byte(`{"sid":"`), sid...)
	if pid != "" {
		b = append(append(b, `","pid":"`...), pid...)
	}
	b = append(b, `"}`...)
	return s.encode(&packet.Packet{
		Type: packet.Connect, Namespace: namespace, Payload: websockets.Payload{JSON: b},
	})
}

// refusal returns the answer to a refused CONNECT.
func (s *server) refusal(namespace, text string, data []byte) (*message, error) {
	quoted, err := jsontext.AppendQuote([]byte(`{"message":`), text)
	if err != nil { // not UTF-8
		quoted = []byte(`{"message":"Refused"`)
	}
	if len(data) > 0 {
		quoted = append(append(quoted, `,"data":`...), data...)
	}
	return s.encode(&packet.Packet{
		Type: packet.ConnectError, Namespace: namespace, Payload: websockets.Payload{JSON: append(quoted, '}')},
	})
}
