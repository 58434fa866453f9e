package cluster

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// An event that is used again has nothing of the former one, and does not keep much memory.
func TestEventIsEmptyAgain(t *testing.T) {
	e := NewEvent()
	e.Kind, e.Event, e.Flags, e.Channel = backplane.Event, "event", backplane.Volatile, "e"
	e.Select = backplane.Selection{
		Endpoints: []uint32{1}, Namespace: "/", Rooms: append(e.Select.Rooms, "a", "b"), IDs: make([]string, 100), ExceptRooms: []string{"c"}, ExceptIDs: []string{"d"},
	}
	e.Payload = backplane.Payload{JSON: append(e.Payload.JSON, strings.Repeat("x", 2*keptJSON)...), Attachments: [][]byte{{1}}, Spread: true}
	e.Release()
	s := e.Select
	if e.Kind != 0 || e.Event != "" || e.Flags != 0 || e.Channel != "" || s.Endpoints != nil || s.Namespace != "" || e.Payload.Attachments != nil || e.Payload.Spread ||
		len(s.Rooms)+len(s.IDs)+len(s.ExceptRooms)+len(s.ExceptIDs)+len(e.Payload.JSON) > 0 {
		t.Errorf("%+v", e.Message)
	}
	if s.Rooms[:2][0] != "" || cap(s.IDs) > keptNames || cap(e.Payload.JSON) > keptJSON || cap(e.Payload.JSON) == 0 {
		t.Errorf("rooms %q, %d ids, %d bytes of JSON are kept", s.Rooms[:2], cap(s.IDs), cap(e.Payload.JSON))
	}
}

// What a waiting event keeps of former ones counts too.
func TestKeptMemoryCounts(t *testing.T) {
	var o outbox
	o.init(nodeID(1), backplane.NewOptions())
	e := NewEvent()
	e.Channel, e.Payload.JSON = "e", make([]byte, 10, keptJSON)
	if _, _, err := o.push(&e.entry); err != nil {
		t.Fatal(err)
	}
	if _, bytes := o.waiting(); bytes < keptJSON {
		t.Errorf("%d bytes wait, of an event that holds %d", bytes, keptJSON)
	}
}
