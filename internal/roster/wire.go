package roster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/codec"
)

// The bounds of what other nodes send.
const (
	maxName    = 1024     // bytes of a name, namespace, room, key or id
	maxValue   = 64 << 10 // bytes of a value
	maxEntries = 1_000_000
	maxBytes   = 1 << 30 // memory of all entries, about; states that arrive may have as much again
)

// The bounds of one message, unless a single entry is larger.
const (
	perMessage      = 512
	bytesPerMessage = 128 << 10
)

// delta is the body of a PresenceDelta: the changes from number Base to Number. One without any
// repeats the number of the last one.
type delta struct {
	Base   uint64      `json:"base"`
	Number uint64      `json:"number"`
	Put    []wireEntry `json:"put,omitempty"`
	Remove []wireEntry `json:"remove,omitempty"` // without value and endpoint
}

// state is the body of a PresenceState: a part of all entries after the delta Number.
type state struct {
	Number  uint64      `json:"number"`
	Asked   uint64      `json:"asked"` // of the ask that it answers
	Part    int         `json:"part"`  // from 0
	Last    bool        `json:"last,omitempty"`
	Entries []wireEntry `json:"entries,omitempty"`
}

// ask is the body of a PresenceAsk.
type ask struct {
	Asked uint64 `json:"asked"` // repeated in the answer
}

type wireEntry struct {
	Name      string          `json:"name"`
	Namespace string          `json:"namespace,omitempty"`
	Room      string          `json:"room"`
	Key       string          `json:"key"`
	Client    string          `json:"client"`
	Endpoint  uint32          `json:"endpoint,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"`
}

func wireOf(e *Entry) wireEntry {
	return wireEntry{e.Name, e.Namespace, e.Room, e.Key, e.Client, e.Endpoint, e.Value}
}

func wireOfID(i id) wireEntry {
	return wireEntry{Name: i.Name, Namespace: i.Namespace, Room: i.Room, Key: i.key, Client: i.client}
}

// id returns the id; an error when it breaks a limit.
func (w *wireEntry) id() (id, error) {
	for _, name := range [...]string{w.Name, w.Namespace, w.Room, w.Key, w.Client} {
		if len(name) > maxName {
			return id{}, fmt.Errorf("presence: name of %d bytes: %w of %d", len(name), envelope.ErrLimit, maxName)
		}
	}
	return id{Scope{w.Name, w.Namespace, w.Room}, w.Key, w.Client}, nil
}

// entry returns the entry of a node, with memory of its own; an error when it breaks a limit.
func (w *wireEntry) entry(node string) (*Entry, error) {
	i, err := w.id()
	switch {
	case err != nil:
		return nil, err
	case len(w.Value) > maxValue:
		return nil, fmt.Errorf("presence: value of %d bytes: %w of %d", len(w.Value), envelope.ErrLimit, maxValue)
	case len(w.Value) == 0:
		return nil, fmt.Errorf("presence: no value: %w", envelope.ErrInvalid)
	}
	return &Entry{Scope: i.Scope, Key: i.key, Client: i.client, Node: strings.Clone(node), Endpoint: w.Endpoint, Value: w.Value}, nil
}

// message returns a message to all nodes, or to one.
func message(kind backplane.Kind, to string, body any) *backplane.Message {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it takes six bytes for one
	_ = e.Encode(body)     //nolint:errchkjson // these types always do: values are JSON
	m := &backplane.Message{Kind: kind, Channel: backplane.ChannelPresence, Body: b.Bytes()}
	if to != "" {
		m.To, m.Channel = to, backplane.ChannelNode(to)
	}
	return m
}

// wireFactor is how many bytes entries become, at most, for each byte of a body beside their texts: more is
// no entries, but empty objects.
const wireFactor = 4

// read reads a body.
func read(m *backplane.Message, v any) error {
	if err := codec.Unmarshal(m.Body, v, codec.Options{Budget: wireFactor*len(m.Body) + 1}); err != nil {
		return fmt.Errorf("presence: body of a %s: %w: %w", m.Kind, envelope.ErrInvalid, err)
	}
	return nil
}
