package ws

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/eventname"
	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
	"github.com/gatehouse-go/gatehouse/internal/tracecontext"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/go-json-experiment/json/jsontext"
)

// maxID is the longest id of a request, in bytes as written.
const maxID = 64

// JSON returns the default codec: {"event":"e","data":…,"id":1}, see the package
// documentation. It checks that the whole message is JSON without decoding the payload.
func JSON() Codec { return jsonCodec{} }

type jsonCodec struct{}

func (jsonCodec) Text() bool { return true }

func (c jsonCodec) Decode(msg []byte) (Envelope, error) { return c.decode(msg, nil) }

// decode is Decode with the names of events that are kept.
func (jsonCodec) decode(msg []byte, names *eventname.Cache) (Envelope, error) {
	s := cursor{b: msg, names: names}
	var e Envelope
	var seen, failure member
	var errorValue []byte
	usual := s.usual(&e)
	switch {
	case usual:
		seen = memberEvent | memberData
	case !s.next('{'):
		return e, shapeError(&s, `expected an object {"event":…,"data":…}`)
	case s.next('}'):
		return e, badMessage(`"event" is missing`)
	}
	for more := !usual || s.next(','); more; more = s.next(',') {
		key, err := s.key()
		if err != nil {
			return e, scanError(&s, err)
		}
		m := memberOf(key)
		if m != 0 && seen&m != 0 {
			return e, badMessage(strconv.Quote(string(key)) + " appears twice")
		}
		seen |= m
		// A wrong value is reported only when the rest is JSON: a syntax error comes
		// first.
		var ok bool
		switch m {
		case memberEvent:
			if e.Event, ok, err = s.text(); err == nil && !ok {
				failure |= m
			}
		case memberID:
			if e.ID, ok, err = s.id(); err == nil && !ok {
				failure |= m
			}
		case memberData:
			e.Data, err = s.value()
		case memberError:
			errorValue, err = s.value()
		case memberCancel:
			if e.Cancel, ok, err = s.id(); err == nil && !ok {
				failure |= memberID
			}
		default:
			err = s.other(key, &e)
		}
		if err != nil {
			return e, scanError(&s, err)
		}
	}
	if !s.next('}') {
		return e, scanError(&s, errSyntax)
	}
	if s.peek(); s.i < len(msg) {
		return e, badMessage("something follows the object, at byte " + strconv.Itoa(s.i))
	}
	switch {
	case failure&memberEvent != 0:
		return e, errEvent()
	case failure&memberID != 0:
		return Envelope{}, errID()
	case seen&memberEvent == 0 && seen&(memberID|memberCancel) == 0:
		return e, badMessage(`"event" is missing`)
	}
	if seen&memberEvent == 0 && seen&memberError != 0 {
		e.Data = append(append([]byte(`{"error":`), errorValue...), '}')
	}
	return e, nil
}

// usual consumes the first two members if they are written as JSON.stringify writes event and data, with a name that
// needs no escape. If they are not, it consumes nothing.
func (s *cursor) usual(e *Envelope) bool {
	const head, middle = `{"event":"`, `","data":`
	msg := s.b
	if len(msg) < len(head) || string(msg[:len(head)]) != head {
		return false
	}
	at := len(head)
	for at < len(msg) && plain(msg[at]) {
		at++
	}
	if at == len(head) || len(msg)-at < len(middle) || string(msg[at:at+len(middle)]) != middle {
		return false
	}
	data := at + len(middle)
	end := jsonscan.Value(msg, data, jsonscan.MaxDepth)
	if end < 0 {
		return false
	}
	e.Event, e.Data, s.i = s.names.Get(msg[len(head):at]), msg[data:end], end
	return true
}

// plain reports whether c is a character of ASCII that stands for itself in a JSON string.
func plain(c byte) bool { return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' }

func (jsonCodec) Append(dst []byte, e Envelope) ([]byte, error) {
	dst = append(appendHead(dst, e.Event, e.ID, len(e.Data) > 0), e.Data...)
	return appendTail(dst, e.Re), nil
}

// appendHead appends an object as far as the payload, which follows if data is true.
func appendHead(dst []byte, event string, id []byte, data bool) []byte {
	dst = append(dst, '{')
	start := len(dst)
	if event != "" {
		dst = append(appendString(append(dst, `"event":`...), event), ',')
	}
	if len(id) > 0 {
		dst = append(append(append(dst, `"id":`...), id...), ',')
	}
	if data {
		return append(dst, `"data":`...)
	}
	if len(dst) > start {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// appendTail appends the rest of an object.
func appendTail(dst, re []byte) []byte {
	if len(re) > 0 {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(dst, `"re":`...), re...)
	}
	return append(dst, '}')
}

// JSONArray returns the codec for clients that write ["event", data]. The optional third
// element is the id; null stands for what is missing before it:
//
//	["chat.post",{"text":"hi"},7]   a request, in either direction
//	[null,{"seq":1},7]              its answer
//	[null,null,7]                   the empty answer
//	["exception",{…},7]             the failure
//
// The items of streams do not have the id of their request, and streams cannot be cancelled.
func JSONArray() Codec { return arrayCodec{} }

type arrayCodec struct{}

func (arrayCodec) Text() bool { return true }

func (arrayCodec) Decode(msg []byte) (Envelope, error) {
	s := cursor{b: msg}
	var e Envelope
	if !s.next('[') {
		return e, shapeError(&s, `expected an array ["event", data]`)
	}
	if s.next(']') {
		return e, badMessage("the event is missing")
	}
	var eventOK, idOK, answer bool
	idOK = true
	for n := 0; ; n++ {
		var err error
		switch n {
		case 0:
			if answer = s.peek() == 'n'; answer {
				_, err = s.value()
			} else {
				e.Event, eventOK, err = s.text()
			}
		case 1:
			e.Data, err = s.value()
		case 2:
			e.ID, idOK, err = s.id()
		default:
			_, err = s.value()
		}
		if err != nil {
			return e, scanError(&s, err)
		}
		if s.next(',') {
			continue
		}
		if !s.next(']') {
			return e, scanError(&s, errSyntax)
		}
		if n > 2 {
			return e, badMessage("the array has more than three elements")
		}
		break
	}
	if s.peek(); s.i < len(msg) {
		return e, badMessage("something follows the array, at byte " + strconv.Itoa(s.i))
	}
	switch {
	case !eventOK && !answer:
		return e, errEvent()
	case !idOK:
		return e, errID()
	case answer && len(e.ID) == 0:
		return e, badMessage("the event is missing")
	}
	return e, nil
}

func (arrayCodec) Append(dst []byte, e Envelope) ([]byte, error) {
	dst = append(dst, '[')
	if e.Event != "" {
		dst = appendString(dst, e.Event)
	} else {
		dst = append(dst, "null"...)
	}
	if len(e.Data) > 0 {
		dst = append(append(dst, ','), e.Data...)
	} else if len(e.ID) > 0 {
		dst = append(dst, ",null"...)
	}
	if len(e.ID) > 0 {
		dst = append(append(dst, ','), e.ID...)
	}
	return append(dst, ']'), nil
}

// member is a set of the envelope's keys.
type member uint8

const (
	memberEvent member = 1 << iota
	memberID
	memberData
	memberError
	memberCancel
)

func memberOf(key []byte) member {
	switch string(key) {
	case "event":
		return memberEvent
	case "id":
		return memberID
	case "data":
		return memberData
	case "error":
		return memberError
	case "cancel":
		return memberCancel
	}
	return 0
}

// other consumes the value of a member that cannot make a message wrong: the trace context, or one that is not known.
func (s *cursor) other(key []byte, e *Envelope) error {
	var to *[]byte
	longest := tracecontext.Size
	switch string(key) {
	case "traceparent":
		to = &e.Traceparent
	case "tracestate":
		to, longest = &e.Tracestate, tracecontext.MaxState
	}
	lit, err := s.value()
	if to == nil || err != nil {
		return err
	}
	*to = nil
	if lit[0] != '"' {
		return nil
	}
	text := lit[1 : len(lit)-1]
	if bytes.IndexByte(text, '\\') >= 0 && len(text) <= 2*longest {
		text, _ = jsontext.AppendUnquote(nil, lit) // with an error it has another form
	}
	if len(text) <= longest {
		*to = text
	}
	return nil
}

// key consumes a member's name and the colon, and returns the name unquoted.
func (s *cursor) key() ([]byte, error) {
	lit, escaped, err := s.str()
	if err != nil {
		return nil, err
	}
	if !s.next(':') {
		return nil, errSyntax
	}
	if !escaped {
		return lit[1 : len(lit)-1], nil
	}
	name, _ := jsontext.AppendUnquote(nil, lit) // with an error it is not Unicode, and no name of the envelope
	return name, nil
}

// text consumes a value. ok reports whether it is a string of Unicode that is not empty.
func (s *cursor) text() (text string, ok bool, err error) {
	if s.peek() != '"' {
		_, err := s.value()
		return "", false, err
	}
	lit, escaped, err := s.str()
	if err != nil {
		return "", false, err
	}
	if !escaped {
		text = s.names.Get(lit[1 : len(lit)-1])
		return text, text != "" && utf8.ValidString(text), nil
	}
	b, unquoteErr := jsontext.AppendUnquote(nil, lit)
	return string(b), unquoteErr == nil && len(b) > 0, nil
}

// id consumes a value and returns it as written. ok reports whether it may be an id.
func (s *cursor) id() (id []byte, ok bool, err error) {
	c := s.peek()
	if id, err = s.value(); err != nil {
		return nil, false, err
	}
	return id, (c == '"' || c == '-' || c-'0' < 10) && len(id) <= maxID && utf8.Valid(id), nil
}

// appendString appends a JSON string literal.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			// The error means invalid UTF-8, which is replaced.
			dst, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\uFFFD"))
			return dst
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

func badMessage(what string) error {
	return &websockets.Error{Message: "Bad message: " + what, Code: websockets.CodeBadMessage}
}

func errEvent() error { return badMessage("the event must be a string that is not empty") }

func errID() error {
	return badMessage("the id must be a number or a string of at most " + strconv.Itoa(maxID) + " bytes")
}

// scanError returns the error for invalid JSON.
func scanError(s *cursor, err error) error {
	return badMessage(err.Error() + ", at byte " + strconv.Itoa(min(s.i, len(s.b))))
}

// shapeError returns the error for a message that is not of the wanted kind.
func shapeError(s *cursor, want string) error {
	if _, err := s.value(); err != nil {
		return scanError(s, err)
	}
	return badMessage(want)
}
