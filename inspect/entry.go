package inspect

import (
	"strconv"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Kinds of entries of the log.
const (
	kindIn         = "in"         // a message of a client
	kindDone       = "done"       // it has been handled
	kindAnswer     = "answer"     // the client was answered
	kindOut        = "out"        // an event for a client
	kindDrop       = "drop"       // an event that a client was not sent
	kindConnect    = "connect"    // a client was admitted
	kindDisconnect = "disconnect" // a client has left
	kindRefused    = "refused"    // a connection was refused
	kindJoin       = "join"       // a client has joined a room
	kindLeave      = "leave"      // a client has left a room
)

// Bounds of an entry, in bytes.
const (
	maxPayload = 4 << 10
	maxText    = 500
)

// entry is a line of the log.
type entry struct {
	// Number is that of the entry, from 1 on.
	Number uint64 `json:"n"`
	// At is in milliseconds since the start of 1970.
	At   int64  `json:"at"`
	Kind string `json:"kind"`
	// Client is its id; empty for kindRefused.
	Client   string `json:"client,omitempty"`
	Endpoint string `json:"endpoint"`
	Event    string `json:"event,omitempty"`
	Room     string `json:"room,omitempty"`
	// Bytes is the size of the message or payload.
	Bytes int `json:"bytes"`
	// Took is how long the handling took, in microseconds.
	Took int64 `json:"took"`
	// Error is what the client was sent, or why; Code is its code.
	Error string `json:"error,omitempty"`
	Code  string `json:"code,omitempty"`
	// Payload is JSON, cut at maxPayload bytes.
	Payload string `json:"payload,omitempty"`
	// Note is about the payload: that it is cut, hidden, or has attachments.
	Note string `json:"note,omitempty"`
}

// failed reports whether the entry is about an error.
func (e *entry) failed() bool { return e.Error != "" || e.Kind == kindDrop || e.Kind == kindRefused }

// cut returns at most n bytes of a text, without half a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// payloadOf returns the payload for an entry of a client, and its note. The text is a part of p.
func payloadOf(at observe.Endpoint, p websockets.Payload) (text []byte, note string) {
	if at.HidesPayloads && !p.IsZero() {
		return nil, "hidden: the gateway has HideCauseData"
	}
	text = p.JSON
	if len(text) > maxPayload {
		n := maxPayload
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text, note = text[:n], "cut at 4 KiB"
	}
	if n := len(p.Attachments); n > 0 {
		if note != "" {
			note += ", "
		}
		note += strconv.Itoa(n) + " binary"
	}
	return text, note
}

// endpointName returns the name of an endpoint on the pages: "ws /chat", "socketio /socket.io/ /chat".
func endpointName(platform, path, namespace string) string {
	name := platform + " " + path
	if namespace != "" {
		name += " " + namespace
	}
	return name
}
