package socketio

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/go-json-experiment/json/jsontext"
)

// message is an encoded packet for any number of clients.
type message = resume.Message

// messageKey identifies the message of a broadcast in its Outgoing.
type messageKey struct {
	parser    packet.Parser
	namespace string
	ring      *resume.Ring // the source of its position; nil without one
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

// event returns the message of an event with an offset from the ring: also of a volatile
// one, because clients take a text at the end of any event for its offset. ack 0 requests no
// answer; with one there is no offset, and clients expect none.
func (s *server) event(out *adapter.Outgoing, namespace string, ack uint64, r *resume.Ring) (*message, error) {
	if ack != 0 {
		p, err := out.Payload(true)
		if err != nil {
			return nil, err
		}
		return s.encode(&packet.Packet{
			Type: packet.Event, Namespace: namespace, ID: ack, HasID: true, Event: out.Event, Payload: p,
		})
	}
	m, err := out.Frame(messageKey{s.opts.Parser, namespace, r}, true, func(event string, p websockets.Payload) (any, error) {
		pos, _ := r.PositionOf(out)
		m, err := s.encode(&packet.Packet{Type: packet.Event, Namespace: namespace, Event: event, Payload: p, Offset: resume.Offset(pos)})
		if err != nil {
			return nil, err
		}
		m.Pos, m.Item.Plain = pos, out.Uncompressed // also when it is sent again
		return m, nil
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
			s.cfg.Logger.Error("the parser panicked", append([]any{"parser", s.opts.Parser.Name(), "event", p.Event}, recovered.New(v).Attrs()...)...)
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
	m := &message{}
	m.Item.Frame = wsconn.Seal(!binary, buf)
	for _, a := range attachments {
		m.Item.More = append(m.Item.More, wsconn.SealCopy(false, a))
	}
	m.Charge, m.Held = m.Item.Charge(), m.Item.Held()+int(unsafe.Sizeof(*m))
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

// encodeInPlace is encodeOnce with the payload encoded into the frame.
func (s *server) encodeInPlace(p *packet.Packet, out *adapter.Outgoing) (it wsconn.Item, err error) {
	f, buf := wsconn.OnceFrame(1, out.ExpectedSize()+len(p.Event)+len(p.Namespace)+packetRoom)
	buf[wsconn.HeaderRoom] = '4'
	if buf, err = packet.AppendHead(buf, p); err != nil {
		f.Free()
		return it, s.explain(p, err)
	}
	if buf, err = out.AppendJSON(buf); err != nil {
		f.Free()
		return it, err
	}
	f.SealOnce(true, packet.AppendTail(buf), 0)
	return wsconn.Item{Frame: f, Once: true}, nil
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
