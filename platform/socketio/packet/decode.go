package packet

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
	"github.com/gatehouse-go/gatehouse/internal/placeholder"
	"github.com/go-json-experiment/json/jsontext"
)

// The types of packets with attachments.
const (
	binaryEvent = '5'
	binaryAck   = '6'
)

// maxNamespace in bytes.
const maxNamespace = 512

var (
	errPending = errors.New("packet: text message while attachments are missing")
	errBinary  = errors.New("packet: binary message that no packet announced")
)

// decoder implements [Decoder] for [JSON].
type decoder struct {
	limit   int
	names   names
	packet  Packet // the last one
	pending *Packet
	missing int // attachments of pending that have not arrived
}

func (d *decoder) Pending() *Packet { return d.pending }

// Idle reports whether the decoder holds nothing of a connection, so that another may use it.
func (d *decoder) Idle() bool { return d.pending == nil }

func (d *decoder) Binary(msg []byte) (*Packet, error) {
	p := d.pending
	if p == nil {
		return nil, errBinary
	}
	p.Payload.Attachments = append(p.Payload.Attachments, msg)
	if d.missing--; d.missing > 0 {
		return nil, nil
	}
	d.pending = nil
	return p, nil
}

func (d *decoder) Text(msg []byte) (*Packet, error) {
	if d.pending != nil {
		return nil, errPending
	}
	if len(msg) == 0 {
		return nil, errors.New("packet: empty message")
	}
	if !utf8.Valid(msg) {
		return nil, errors.New("packet: text message is not UTF-8")
	}
	p := &d.packet
	*p = Packet{Namespace: "/"}
	i, want, err := d.head(p, msg)
	if err != nil {
		return nil, err
	}
	if err := d.payload(p, msg, i); err != nil {
		return nil, err
	}
	if want == 0 {
		return p, nil
	}
	if !placeholder.Fit(p.Payload.JSON, want) {
		return nil, fmt.Errorf("packet: the placeholders do not point to each of %d attachments once", want)
	}
	p.Payload.Attachments = make([][]byte, 0, want)
	d.pending, d.missing = p, want
	return nil, nil
}

// head reads what is before the JSON, and returns the number of attachments.
func (d *decoder) head(p *Packet, b []byte) (i, want int, err error) {
	switch c := b[0]; c {
	case binaryEvent, binaryAck:
		p.Type = Event + Type(c-binaryEvent)
		if i, want, err = d.attachments(b); err != nil {
			return 0, 0, err
		}
	case '0', '1', '2', '3':
		p.Type = Type(c - '0')
		i = 1
	case '4':
		return 0, 0, errors.New("packet: CONNECT_ERROR, which only a server may send")
	default:
		return 0, 0, fmt.Errorf("packet: unknown type %q", c)
	}
	if i < len(b) && b[i] == '/' {
		rest := b[i:]
		end := bytes.IndexByte(rest, ',')
		if end < 0 {
			end = len(rest)
		}
		if end > maxNamespace {
			return 0, 0, fmt.Errorf("packet: namespace is longer than %d bytes", maxNamespace)
		}
		p.Namespace = d.names.get(rest[:end])
		i = min(i+end+1, len(b))
	}
	for ; i < len(b) && b[i]-'0' < 10; i++ {
		if p.ID = p.ID*10 + uint64(b[i]-'0'); p.ID > MaxID {
			return 0, 0, errors.New("packet: id is over 2^53-1")
		}
		p.HasID = true
	}
	return i, want, nil
}

func (d *decoder) attachments(b []byte) (i, n int, err error) {
	for i = 1; i < len(b) && b[i]-'0' < 10; i++ {
		if n = n*10 + int(b[i]-'0'); n > d.limit {
			return 0, 0, fmt.Errorf("%w: this server accepts at most %d", ErrTooManyAttachments, d.limit)
		}
	}
	if i == len(b) || b[i] != '-' || b[1] == '0' || i == 1 {
		return 0, 0, errors.New("packet: a binary type must be followed by the number of attachments, from 1, and a dash")
	}
	return i + 1, n, nil
}

func (d *decoder) payload(p *Packet, b []byte, i int) error {
	switch {
	case p.Type == Event:
		return d.event(p, b, i)
	case p.Type == Ack && !p.HasID:
		return errors.New("packet: ACK without an id")
	case p.Type == Ack:
		if i == len(b) || b[i] != '[' {
			return errArray
		}
		return args(p, b, i, jsonscan.Space(b, i+1))
	case p.HasID:
		return errors.New("packet: CONNECT or DISCONNECT with an id")
	case i == len(b):
		return nil
	case p.Type == Disconnect:
		return errors.New("packet: DISCONNECT with a payload")
	case b[i] != '{':
		return errors.New("packet: payload of CONNECT is not a JSON object")
	}
	end := jsonscan.Value(b, i, jsonscan.MaxDepth)
	if end < 0 {
		return scanError(end)
	}
	p.Payload.JSON = b[i:end:end]
	return atEnd(b, end)
}

var errArray = errors.New("packet: payload is not a JSON array")

// event splits the array of an event into name and arguments.
func (d *decoder) event(p *Packet, b []byte, i int) error {
	if i == len(b) || b[i] != '[' {
		return errArray
	}
	start := jsonscan.Space(b, i+1)
	var end int
	switch {
	case start < len(b) && b[start] == '"':
		if end = jsonscan.String(b, start+1); end < 0 {
			return scanError(end)
		}
		p.Event = d.eventName(b[start:end])
		if Reserved(p.Event) {
			return fmt.Errorf("%w: %q", ErrReserved, p.Event)
		}
	case start < len(b) && (b[start] == '-' || b[start]-'0' < 10):
		if end = jsonscan.Number(b, start); end < 0 {
			return scanError(end)
		}
		p.Event = numberName(b[start:end])
	default:
		return errors.New("packet: event name is neither a string nor a number")
	}
	i = jsonscan.Space(b, end)
	switch {
	case i == len(b):
		return errJSON
	case b[i] == ']':
		return atEnd(b, i+1)
	case b[i] != ',':
		return errJSON
	}
	next := jsonscan.Space(b, i+1)
	if next < len(b) && b[next] == ']' {
		return errJSON // [1,] is invalid, but args would accept it as an empty list
	}
	return args(p, b, i, next)
}

// args reads values up to the bracket that ends their array, from i on, as the payload:
// empty, the value itself, or an array of several. The byte at open becomes the bracket of
// that array, so that nothing is copied.
func args(p *Packet, b []byte, open, i int) error {
	if i < len(b) && b[i] == ']' {
		return atEnd(b, i+1)
	}
	from := i
	for {
		end := jsonscan.Value(b, i, jsonscan.MaxDepth-1)
		if end < 0 {
			return scanError(end)
		}
		i = jsonscan.Space(b, end)
		switch {
		case i == len(b):
			return errJSON
		case b[i] == ',':
			from = open
			i = jsonscan.Space(b, i+1)
		case b[i] == ']':
			if from == open {
				b[open] = '['
				end = i + 1
				p.Payload.Spread = true
			}
			p.Payload.JSON = b[from:end:end]
			return atEnd(b, i+1)
		default:
			return errJSON
		}
	}
}

var (
	errJSON  = errors.New("packet: payload is not valid JSON")
	errDepth = fmt.Errorf("packet: JSON is nested more than %d deep", jsonscan.MaxDepth)
)

// scanError returns the error for a negative result of package jsonscan.
func scanError(result int) error {
	if _, deep := jsonscan.Error(result); deep {
		return errDepth
	}
	return errJSON
}

func atEnd(b []byte, i int) error {
	if jsonscan.Space(b, i) < len(b) {
		return errors.New("packet: trailing data after the payload")
	}
	return nil
}

// eventName returns the value of a valid string literal. Half a surrogate pair becomes
// U+FFFD.
func (d *decoder) eventName(quoted []byte) string {
	plain := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(plain, '\\') >= 0 {
		plain, _ = jsontext.AppendUnquote(nil, quoted) // the only possible error is that half
	}
	return d.names.get(plain)
}

// numberName returns what String(number) is in JavaScript.
func numberName(b []byte) string {
	f, _ := strconv.ParseFloat(string(b), 64) // out of range is infinite, as there
	if f == 0 {
		return "0" // also for -0
	}
	return jsontext.Float(f).String()
}
