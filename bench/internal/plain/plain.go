// Package plain is the envelope of the hand-written WebSocket servers: decoded
// and encoded with encoding/json, as their users write it.
package plain

import (
	"encoding/json"
	"fmt"
)

// Message is the payload of both events.
type Message struct {
	Seq  int64  `json:"seq"`
	Text string `json:"text"`
}

type request struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

type reply struct {
	Event string  `json:"event"`
	Data  Message `json:"data"`
}

// Handle answers one message. The answer is for every client if all is set,
// otherwise for the sender.
func Handle(msg []byte) (answer []byte, all bool, err error) {
	var req request
	if err := json.Unmarshal(msg, &req); err != nil {
		return nil, false, err
	}
	var m Message
	switch req.Event {
	case "echo", "shout":
		if err := json.Unmarshal(req.Data, &m); err != nil {
			return nil, false, err
		}
	default:
		return nil, false, fmt.Errorf("no event %q", req.Event)
	}
	answer, err = json.Marshal(reply{Event: req.Event, Data: m})
	return answer, req.Event == "shout", err
}
