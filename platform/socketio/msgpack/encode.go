package msgpack

import (
	"strconv"

	"github.com/tinylib/msgp/msgp"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
)

// Append implements [packet.Parser]. It lets the default parser check the packet and
// encode its data, and converts that to MessagePack. The attachments are in the message.
func (parser) Append(dst []byte, p *packet.Packet, l packet.Limits) (msg []byte, binary bool, _ [][]byte, err error) {
	const most = 64 // brackets, digits, quotes
	text := make([]byte, 0, len(p.Payload.JSON)+len(p.Namespace)+len(p.Event)+len(p.Offset)+most)
	text, _, attachments, err := packet.JSON().Append(text, p, unlimited(l))
	if err != nil {
		return dst, false, nil, err
	}
	text = text[headSize(p):]
	size := uint32(2)
	if p.HasID {
		size++
	}
	if len(text) > 0 {
		size++
	}
	msg = msgp.AppendMapHeader(dst, size)
	msg = msgp.AppendString(msg, "type")
	msg = msgp.AppendUint8(msg, uint8(p.Type))
	msg = msgp.AppendString(msg, "nsp")
	msg = msgp.AppendString(msg, p.Namespace)
	if p.HasID {
		msg = msgp.AppendString(msg, "id")
		msg = msgp.AppendUint64(msg, p.ID)
	}
	if len(text) > 0 {
		msg = msgp.AppendString(msg, "data")
		if msg, err = appendJSON(msg, text, attachments); err != nil {
			return dst, false, nil, err
		}
	}
	return msg, true, nil, nil
}

// headSize returns how many bytes the default parser writes before the JSON.
func headSize(p *packet.Packet) int {
	var digits [20]byte
	n := 1
	if c := len(p.Payload.Attachments); c > 0 {
		n += len(strconv.AppendInt(digits[:0], int64(c), 10)) + 1
	}
	if p.Namespace != "/" {
		n += len(p.Namespace) + 1
	}
	if p.HasID {
		n += len(strconv.AppendUint(digits[:0], p.ID, 10))
	}
	return n
}
