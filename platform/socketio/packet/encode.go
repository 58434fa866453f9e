package packet

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Append implements [Parser]. It does not check that the payload is JSON.
func (jsonParser) Append(dst []byte, p *Packet, l Limits) (msg []byte, binary bool, attachments [][]byte, err error) {
	if err := check(p, l); err != nil {
		return dst, false, nil, err
	}
	msg = appendHead(dst, p)
	switch p.Type {
	case Event:
		msg, err = appendEvent(msg, p)
	case Ack:
		if p.Payload.Spread {
			msg = append(msg, p.Payload.JSON...)
			break
		}
		msg = append(msg, '[')
		msg = append(msg, p.Payload.JSON...)
		msg = append(msg, ']')
	default:
		msg = append(msg, p.Payload.JSON...)
	}
	if err != nil {
		return dst, false, nil, err
	}
	return msg, false, p.Payload.Attachments, nil
}

// AppendHead appends an event without an offset, or an ack, in the format of [JSON], as far as its only argument. The caller
// appends that and then AppendTail, so that a payload can be encoded where it belongs. p has no payload. Errors are those of
// [Parser]'s Append; then dst is returned unchanged.
func AppendHead(dst []byte, p *Packet) ([]byte, error) {
	if err := check(p, Limits{}); err != nil {
		return dst, err
	}
	msg := append(appendHead(dst, p), '[')
	if p.Type == Ack {
		return msg, nil
	}
	msg, err := appendString(msg, p.Event)
	if err != nil {
		return dst, fmt.Errorf("packet: event name %q: %w", p.Event, err)
	}
	return append(msg, ','), nil
}

// AppendTail appends what follows the argument, see [AppendHead].
func AppendTail(dst []byte) []byte { return append(dst, ']') }

// check returns why clients would reject the packet, before anything is written.
func check(p *Packet, l Limits) error {
	if err := checkHead(p); err != nil {
		return err
	}
	text := p.Payload.JSON
	if n, most := len(p.Payload.Attachments), l.attachments(); n > most {
		return fmt.Errorf("%w: %d, and clients accept at most %d: join them, or send several events", ErrTooManyAttachments, n, most)
	} else if n > 0 && len(text) == 0 {
		return errors.New("packet: attachments without JSON that refers to them")
	}
	switch p.Type {
	case Event, Ack:
		if p.Type == Event && Reserved(p.Event) {
			return fmt.Errorf("%w: %q belongs to Socket.IO: use another name", ErrReserved, p.Event)
		}
		if p.Payload.Spread && (len(text) < 2 || text[0] != '[' || text[len(text)-1] != ']') {
			return errors.New("packet: several arguments that are not a JSON array")
		}
		return nil
	case Connect, ConnectError, Disconnect:
		if len(text) > 0 && (text[0] != '{' || p.Type == Disconnect) || len(text) == 0 && p.Type == ConnectError {
			return errors.New("packet: the payload of CONNECT_ERROR must be an object, of CONNECT an object or nothing, of DISCONNECT nothing")
		}
		if len(p.Payload.Attachments) > 0 {
			return errors.New("packet: only events and acks have attachments")
		}
		return nil
	}
	return fmt.Errorf("packet: unknown type %d", p.Type)
}

func checkHead(p *Packet) error {
	if p.HasID != (p.Type == Ack) && p.Type != Event {
		return errors.New("packet: an ACK has an id, and packets other than events do not")
	}
	if p.ID > MaxID {
		return fmt.Errorf("packet: id %d is over 2^53-1", p.ID)
	}
	nsp := p.Namespace
	if nsp == "/" {
		return nil
	}
	if nsp == "" || nsp[0] != '/' || len(nsp) > maxNamespace || strings.IndexByte(nsp, ',') >= 0 || !utf8.ValidString(nsp) {
		return fmt.Errorf("packet: namespace %.600q must start with a slash, have at most %d bytes, be UTF-8, and not contain a comma", nsp, maxNamespace)
	}
	return nil
}

func appendHead(b []byte, p *Packet) []byte {
	if n := len(p.Payload.Attachments); n > 0 {
		b = append(b, binaryEvent+byte(p.Type-Event))
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, '-')
	} else {
		b = append(b, '0'+byte(p.Type))
	}
	if p.Namespace != "/" {
		b = append(b, p.Namespace...)
		b = append(b, ',')
	}
	if p.HasID {
		b = strconv.AppendUint(b, p.ID, 10)
	}
	return b
}

func appendEvent(b []byte, p *Packet) ([]byte, error) {
	b, err := appendString(append(b, '['), p.Event)
	if err != nil {
		return nil, fmt.Errorf("packet: event name %q: %w", p.Event, err)
	}
	args := p.Payload.JSON
	if p.Payload.Spread {
		args = bytes.Trim(args[1:len(args)-1], " \t\r\n")
	}
	if len(args) > 0 {
		b = append(b, ',')
		b = append(b, args...)
	}
	if p.Offset != "" {
		if b, err = appendString(append(b, ','), p.Offset); err != nil {
			return nil, fmt.Errorf("packet: offset %q: %w", p.Offset, err)
		}
	}
	return append(b, ']'), nil
}

// appendString quotes s, which rarely needs escapes.
func appendString(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return jsontext.AppendQuote(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), nil
}
