package cluster

import (
	"sync"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// Event is a message whose memory is used again when it has been sent: that of its payload's JSON
// and of the lists of its selection, except Endpoints. SendEvent takes it. A short event to one
// room is one allocation.
type Event struct {
	backplane.Message

	entry entry
	room  [1]string
	json  [128]byte
}

var events = sync.Pool{New: func() any {
	e := &Event{}
	e.entry.m, e.entry.event = &e.Message, e
	e.Select.Rooms, e.Payload.JSON = e.room[:0], e.json[:0]
	return e
}}

// NewEvent returns an empty event. Append to its lists and to its JSON.
func NewEvent() *Event { return events.Get().(*Event) }

// What an event keeps for the next use.
const (
	keptJSON  = 4 << 10
	keptNames = 8
)

// Release has the memory used again. The event must not be used any more.
func (e *Event) Release() {
	s, json := &e.Select, e.Payload.JSON
	if cap(json) > keptJSON {
		json = e.json[:]
	}
	e.Message = backplane.Message{
		Select:  backplane.Selection{Rooms: emptied(s.Rooms), IDs: emptied(s.IDs), ExceptRooms: emptied(s.ExceptRooms), ExceptIDs: emptied(s.ExceptIDs)},
		Payload: backplane.Payload{JSON: json[:0]},
	}
	events.Put(e)
}

func emptied(names []string) []string {
	if cap(names) > keptNames {
		return nil
	}
	clear(names)
	return names[:0]
}
