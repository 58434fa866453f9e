package record

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Kind is what a [Line] is about.
type Kind string

// The kinds of lines.
const (
	KindStart   Kind = "record"  // the first line
	KindConnect Kind = "connect" // the client has connected
	KindReady   Kind = "ready"   // HandleConnection has accepted it
	KindRefused Kind = "refused" // it was refused, with the error as Payload

	KindSend  Kind = "send"  // the client has sent an event
	KindAsk   Kind = "ask"   // the same, and waits for an answer
	KindReply Kind = "reply" // the client has answered a call

	KindAnswer Kind = "answer" // the client was sent the answer to its message
	KindFail   Kind = "fail"   // the answer is an error
	KindDone   Kind = "done"   // a message was handled that has no answer
	KindEvent  Kind = "event"  // the client was sent an event
	KindCall   Kind = "call"   // the same, and was asked for an answer

	KindLeave Kind = "leave" // the connection of the client has ended
	KindLeft  Kind = "left"  // HandleDisconnect has returned

	KindOmitted Kind = "omitted" // Missing was left out
	KindEnd     Kind = "end"     // the last line; Missing is why it is not that of the application's stop
)

// Line is one line of a file.
type Line struct {
	Kind Kind `json:"k"`
	// Time is in milliseconds since the start of the recording.
	Time float64 `json:"t"`
	// Client is the name of the client in the file: "c1", "c2", in the order in which they have connected.
	Client string `json:"c,omitzero"`
	// Number is that of a message of the client, which its answer has too, or of a call.
	Number int `json:"n,omitzero"`
	// Event is the name of what was sent.
	Event string `json:"e,omitzero"`
	// Payload is its payload, and Attachments are the binary parts of it; see [websockets.Payload].
	Payload     jsontext.Value `json:"p,omitzero"`
	Attachments [][]byte       `json:"b,omitzero"`
	Spread      bool           `json:"spread,omitzero"`
	// Parallel reports that a message was handled at the same time as another one of the client.
	Parallel bool `json:"parallel,omitzero"`
	// Missing is what was left out, and why.
	Missing string `json:"missing,omitzero"`

	// Where a client has connected.
	Platform  string `json:"platform,omitzero"`
	Path      string `json:"path,omitzero"`
	Query     string `json:"query,omitzero"`
	Namespace string `json:"ns,omitzero"`
	Protocol  string `json:"protocol,omitzero"` // "gatehouse.v1" if the client has offered it
	Recovers  string `json:"recovers,omitzero"` // the name of the client that it was before

	// Why a client has left.
	Cause string `json:"cause,omitzero"`
	Code  int    `json:"code,omitzero"`
	Text  string `json:"text,omitzero"`
	Clean bool   `json:"clean,omitzero"`

	// Of the first line.
	Version int      `json:"version,omitzero"`
	Vary    []string `json:"vary,omitzero"`
	Ignore  []string `json:"ignore,omitzero"`
	// MaxPayload is that of the options.
	MaxPayload int `json:"max_payload,omitzero"`

	at int    // the number of the line in its file
	id string // of a client that connects
}

// version is that of the format. Files of another one are not played.
const version = 1

// input reports whether the line is what a client does.
func (l *Line) input() bool {
	switch l.Kind {
	case KindConnect, KindRefused, KindSend, KindAsk, KindReply:
		return true
	case KindLeave:
		return !l.byServer()
	default:
		return false
	}
}

// byServer reports whether the server has disconnected the client.
func (l *Line) byServer() bool {
	switch websockets.Cause(l.Cause) {
	case websockets.CauseClientDisconnect, websockets.CauseTransportClose, websockets.CauseTransportError, websockets.CausePingTimeout:
		return false
	default:
		return true
	}
}

// setPayload copies a payload.
func (l *Line) setPayload(p websockets.Payload) {
	p = p.Clone()
	if len(p.JSON) == 0 {
		p.JSON = nil
	}
	l.Payload, l.Attachments, l.Spread = p.JSON, p.Attachments, p.Spread
}

func (l *Line) append(b []byte) ([]byte, error) {
	text, err := json.Marshal(l, json.Deterministic(true), jsontext.EscapeForHTML(false))
	if err != nil {
		return b, err
	}
	return append(append(b, text...), '\n'), nil
}

// maxLine limits the lines that are read.
const maxLine = 64 << 20

// readFile reads the lines of a file.
func readFile(name string) (lines []*Line, err error) {
	f, err := os.Open(name) //nolint:gosec // of a test
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxLine)
	for n := 1; in.Scan(); n++ {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		l := &Line{at: n}
		if err := json.Unmarshal(in.Bytes(), l, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		lines = append(lines, l)
	}
	switch err := in.Err(); {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(lines) == 0 || lines[0].Kind != KindStart:
		return nil, fmt.Errorf("%s: not a recording: the first line is not of the kind %q", name, KindStart)
	case lines[0].Version != version:
		return nil, fmt.Errorf("%s:1: the format has version %d, not %d: record it again", name, lines[0].Version, version)
	}
	return lines, nil
}

// milliseconds returns the time since a start, in microseconds at most.
func milliseconds(start time.Time) float64 {
	return float64(time.Since(start).Microseconds()) / 1000
}
