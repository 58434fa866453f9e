package zishang

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/go-json-experiment/json/jsontext"
)

// message is a Socket.IO packet on its way to a client: its text with the
// Engine.IO type "4" in front, and its attachments. It is shared between the
// recipients of a broadcast and never changed.
type message struct {
	text   []byte
	bufs   [][]byte
	charge int // what it counts for in a send queue
}

// What a message holds besides its bytes: its place in the queue, which grows in
// steps, and the message itself.
var (
	entrySize   = 2 * int(reflect.TypeFor[queued]().Size())
	messageSize = int(reflect.TypeFor[message]().Size())
	bufSize     = int(reflect.TypeFor[[]byte]().Size())
)

// own charges m for the memory of a message that is for a single connection.
func (m *message) own() *message {
	m.charge = entrySize + messageSize + cap(m.text)
	for _, b := range m.bufs {
		m.charge += bufSize + cap(b)
	}
	return m
}

// share charges m for its bytes: all recipients of a broadcast share it.
func (m *message) share() *message {
	m.charge = entrySize + len(m.text)
	for _, b := range m.bufs {
		m.charge += len(b)
	}
	return m
}

// eventKey is that of a packet kept in an Outgoing, where no ack is asked for.
type eventKey struct{ nsp string }

// eventMessage returns the packet of an event. ack 0 asks for no answer.
func eventMessage(out *adapter.Outgoing, nsp string, ack uint64) (*message, error) {
	p := &packet.Packet{Type: packet.Event, Namespace: nsp, ID: ack, HasID: ack != 0, Event: out.Event}
	if ack != 0 { // every recipient has a packet of its own
		var err error
		if p.Payload, err = out.Payload(true); err != nil {
			return nil, err
		}
		return encode(p)
	}
	m, err := out.Frame(eventKey{nsp}, true, func(_ string, payload websockets.Payload) (any, error) {
		p.Payload = payload
		m, err := encode(p)
		if err != nil {
			return nil, err
		}
		return m.share(), nil
	})
	if err != nil {
		return nil, err
	}
	return m.(*message), nil
}

// ackMessage returns the answer to the client's packet id.
func ackMessage(out *adapter.Outgoing, nsp string, id uint64) (*message, error) {
	payload, err := out.Payload(true)
	if err != nil {
		return nil, err
	}
	return encode(&packet.Packet{Type: packet.Ack, Namespace: nsp, ID: id, HasID: true, Payload: payload})
}

// connectError refuses a client; data is a JSON value, or empty.
func connectError(nsp, text string, data []byte) (*message, error) {
	b := []byte(`{"message":`)
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil { // not UTF-8: the client gets what can be read
		quoted = strconv.AppendQuoteToASCII(nil, "Refused")
	}
	b = append(b, quoted...)
	if len(data) > 0 {
		b = append(append(b, `,"data":`...), data...)
	}
	return encode(&packet.Packet{Type: packet.ConnectError, Namespace: nsp, Payload: websockets.Payload{JSON: append(b, '}')}})
}

func encode(p *packet.Packet) (*message, error) {
	b := make([]byte, 1, len(p.Namespace)+len(p.Event)+len(p.Payload.JSON)+40)
	b[0] = '4'
	b, _, bufs, err := packet.JSON().Append(b, p, packet.Limits{})
	if err != nil {
		return nil, fmt.Errorf("zishang: %w", err)
	}
	return (&message{text: b, bufs: bufs}).own(), nil
}
