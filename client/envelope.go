package client

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// frame is one message of the server, in the format of ws.JSON. Its bytes are those of the message.
type frame struct {
	event    string
	hasEvent bool
	id       []byte // as written; nil for none
	re       []byte
	data     []byte
	session  []byte
	pos      []byte // without its quotes; nil for none
}

// maxID is the longest id that is repeated, in bytes as written; as on the server.
const maxID = 64

// parse reads a message. ok is false if it is none of the protocol.
func parse(b []byte) (f frame, ok bool) {
	i := jsonscan.Space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return f, false
	}
	if i = jsonscan.Space(b, i+1); i < len(b) && b[i] == '}' {
		return f, false
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return f, false
		}
		start := i
		if i = jsonscan.Name(b, i); i < 0 {
			return f, false
		}
		key, value := nameOf(b[start:i]), i
		if i = jsonscan.Value(b, i, jsonscan.MaxDepth); i < 0 {
			return f, false
		}
		if !f.set(key, b[value:i]) {
			return f, false
		}
		if i = jsonscan.Space(b, i); i >= len(b) {
			return f, false
		}
		if b[i] == '}' {
			break
		}
		if b[i] != ',' {
			return f, false
		}
		i = jsonscan.Space(b, i+1)
	}
	if jsonscan.Space(b, i+1) < len(b) {
		return f, false
	}
	return f, f.hasEvent || f.id != nil || f.session != nil
}

// nameOf returns the name of a member without its quotes, from its text with the colon.
func nameOf(text []byte) []byte {
	end := bytes.LastIndexByte(text, '"')
	name := text[1:end]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, text[:end+1]) // with an error it is no name of the protocol
	}
	return name
}

// set stores a member; false if it has a wrong value.
func (f *frame) set(key, value []byte) bool {
	switch string(key) {
	case "event":
		if value[0] != '"' {
			return false
		}
		text := value[1 : len(value)-1]
		if bytes.IndexByte(text, '\\') >= 0 {
			var err error
			if text, err = jsontext.AppendUnquote(nil, value); err != nil {
				return false
			}
		}
		f.event, f.hasEvent = string(text), true
		return len(text) > 0 && utf8.Valid(text)
	case "id":
		f.id = value
		return isID(value)
	case "re":
		f.re = value
		return isID(value)
	case "data":
		f.data = value
	case "session":
		f.session = value
	case "pos":
		if value[0] != '"' {
			return false
		}
		f.pos = value[1 : len(value)-1]
	}
	return true
}

// isID reports whether a value is a number or a string that is not too long.
func isID(value []byte) bool {
	c := value[0]
	return len(value) <= maxID && (c == '"' || c == '-' || c-'0' < 10) && utf8.Valid(value)
}

// requestID returns the id of a request of this client; 0 for others.
func requestID(id []byte) uint64 {
	if len(id) == 0 || len(id) > 20 {
		return 0
	}
	n, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// appendEvent appends the text of an event, or with an id of a request.
func appendEvent(dst []byte, event string, data []byte, id uint64) []byte {
	dst = append(dst, `{"event":`...)
	dst, _ = jsontext.AppendQuote(dst, event) // invalid UTF-8 is replaced
	if len(data) > 0 {
		dst = append(append(dst, `,"data":`...), data...)
	}
	if id != 0 {
		dst = strconv.AppendUint(append(dst, `,"id":`...), id, 10)
	}
	return append(dst, '}')
}

// appendAnswer appends the answer to a call of the server.
func appendAnswer(dst, id, data []byte) []byte {
	dst = append(append(dst, `{"id":`...), id...)
	if len(data) > 0 {
		dst = append(append(dst, `,"data":`...), data...)
	}
	return append(dst, '}')
}

// appendCancel appends what ends the stream of a request.
func appendCancel(dst []byte, id uint64) []byte {
	return append(strconv.AppendUint(append(dst, `{"cancel":`...), id, 10), '}')
}
