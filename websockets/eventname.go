package websockets

import (
	"strconv"
	"strings"
)

// MaxEventName is how long the name of an event that a client sends may be, in bytes.
const MaxEventName = 256

// shownName is how much of a longer one the client is told.
const shownName = 64

// Check refuses the message, by its Err, when its event has a name that is longer than
// [MaxEventName], and lets go of the payload and of most of the name.
// [Session].Receive does so with every message; adapters that keep messages before that,
// or memory along with them, call it first.
func (m *Message) Check() {
	if len(m.Event) <= MaxEventName {
		return
	}
	m.Event = strings.Clone(strings.ToValidUTF8(m.Event[:shownName], "")) + "..."
	m.Payload = Payload{}
	if m.Err == nil {
		m.Err = &Error{
			Message: "Bad message: the name of the event is longer than " + strconv.Itoa(MaxEventName) + " bytes", Code: CodeBadMessage,
		}
	}
}
