package zishang

import (
	"fmt"
	"strconv"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/go-json-experiment/json/jsontext"
)

// message is a Socket.IO packet on its way to a client: its text with the
// Engine.IO type "4" in front, and its attachments. It is shared between the
// recipients of a broadcast and never changed.
type message struct {
	text []byte
	bufs [][]byte
}

func (m *message) size() int {
	n := len(m.text)
	for _, b := range m.bufs {
		n += len(b)
	}
	return n
}

// Keys of what is kept in an Outgoing.
type (
	argsKey  struct{}             // the array of event name and payload
	eventKey struct{ nsp string } // the whole packet, where no ack is asked for
)

// eventMessage gives the packet of an event. ack 0 asks for no answer.
func eventMessage(out *websockets.Outgoing, nsp string, ack uint64) (*message, error) {
	if reserved(out.Event) {
		return nil, fmt.Errorf("zishang: event name %q is reserved by Socket.IO; choose another", out.Event)
	}
	// kept apart from the packet: with acks every recipient has a packet of its own
	args, err := out.Frame(argsKey{}, true, func(event string, p websockets.Payload) (any, error) {
		if len(p.Attachments) > maxAttachments {
			return nil, fmt.Errorf("zishang: event %q has %d attachments, Socket.IO clients accept at most %d; join them, or send several events",
				event, len(p.Attachments), maxAttachments)
		}
		b, err := jsontext.AppendQuote(append(make([]byte, 0, len(event)+len(p.JSON)+4), '['), event)
		if err != nil {
			return nil, fmt.Errorf("zishang: event name %q: %w", event, err)
		}
		if len(p.JSON) > 0 {
			b = append(append(b, ','), p.JSON...)
		}
		return &message{text: append(b, ']'), bufs: p.Attachments}, nil
	})
	if err != nil {
		return nil, err
	}
	body := args.(*message)
	if ack != 0 {
		return packetOf(typeEvent, nsp, &ack, body), nil
	}
	m, err := out.Frame(eventKey{nsp}, true, func(string, websockets.Payload) (any, error) {
		return packetOf(typeEvent, nsp, nil, body), nil
	})
	if err != nil {
		return nil, err
	}
	return m.(*message), nil
}

// ackMessage gives the answer to the client's packet id.
func ackMessage(out *websockets.Outgoing, nsp string, id uint64) (*message, error) {
	p, err := out.Payload(true)
	if err != nil {
		return nil, err
	}
	if len(p.Attachments) > maxAttachments {
		return nil, fmt.Errorf("zishang: answer has %d attachments, Socket.IO clients accept at most %d; join them",
			len(p.Attachments), maxAttachments)
	}
	body := &message{text: make([]byte, 0, len(p.JSON)+2), bufs: p.Attachments}
	body.text = append(append(append(body.text, '['), p.JSON...), ']')
	return packetOf(typeAck, nsp, &id, body), nil
}

func packetOf(t packetType, nsp string, id *uint64, body *message) *message {
	b := make([]byte, 0, len(body.text)+len(nsp)+32)
	b = append(b, '4')
	if n := len(body.bufs); n > 0 {
		b = append(b, '0'+byte(t+typeBinaryEvent-typeEvent))
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, '-')
	} else {
		b = append(b, '0'+byte(t))
	}
	b = appendNamespace(b, nsp)
	if id != nil {
		b = strconv.AppendUint(b, *id, 10)
	}
	return &message{text: append(b, body.text...), bufs: body.bufs}
}

// connectError refuses a client; data is a JSON value, or empty.
func connectError(nsp, text string, data []byte) *message {
	b := appendNamespace([]byte("44"), nsp)
	b = append(b, `{"message":`...)
	quoted, err := jsontext.AppendQuote(nil, text)
	if err != nil { // not UTF-8: the client gets what can be read
		quoted = strconv.AppendQuoteToASCII(nil, "Refused")
	}
	b = append(b, quoted...)
	if len(data) > 0 {
		b = append(append(b, `,"data":`...), data...)
	}
	return &message{text: append(b, '}')}
}

func appendNamespace(b []byte, nsp string) []byte {
	if nsp == "/" {
		return b
	}
	return append(append(b, nsp...), ',')
}
