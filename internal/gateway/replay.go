package gateway

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// replay selects what a client has missed from the log, and applies the changes of it that its node has not applied.
type replay struct {
	body    recordBody // with the rooms that the client has had up to next
	limit   int        // bytes of missed
	most    int        // rooms
	after   uint64     // the client's position
	next    uint64
	missed  []adapter.Missed
	bytes   int
	changed bool // body was changed
}

// replayMemory is the memory of a message of a platform beside its texts, at most.
const replayMemory = 320

var (
	errTooMuch = errors.New("the client has missed too much")
	errEnded   = errors.New("the client was disconnected")
	errLost    = errors.New("a node has dropped events that may have been for the client")
)

// start starts a replay after a position.
func (rp *replay) start(e *endpoint, after uint64) {
	rp.after, rp.next, rp.most, rp.limit = after, after+1, e.maxRooms, maxMovedBytes
	if r, ok := e.srv.adapterServer.(adapter.Recoverer); ok && r.Recovery() != nil {
		rp.limit = r.Recovery().MaxBytes
	}
}

// message handles a message of the log.
func (rp *replay) message(m *backplane.Message, load cluster.Load, at uint64) error {
	rp.next = at + 1
	if m.Kind == backplane.Lost {
		if m, err := load(); err != nil || m.Flags&backplane.Volatile == 0 {
			return errLost
		}
		return nil
	}
	late := at > rp.body.At
	if !rp.selects(&m.Select, at) || m.Kind != backplane.Event && !late {
		return nil
	}
	m, err := load()
	if err != nil {
		return nil //nolint:nilerr // every node refuses it
	}
	switch m.Kind {
	case backplane.Event:
		return rp.event(m, at)
	case backplane.Join:
		rp.join(m.Rooms, at)
	case backplane.Leave:
		rp.leave(m.Rooms, at)
	case backplane.Disconnect:
		return errEnded
	}
	return nil
}

func (rp *replay) event(m *backplane.Message, at uint64) error {
	if m.Flags&backplane.Volatile != 0 || m.Event == "" {
		return nil
	}
	e := adapter.Missed{
		Event: strings.Clone(m.Event), Payload: websockets.Payload(m.Payload).Clone(), Uncompressed: m.Flags&backplane.Uncompressed != 0,
		Position: strconv.FormatUint(at, 36),
	}
	rp.bytes += len(e.Event) + len(rp.body.Namespace) + e.Payload.Size() + attachmentMemory*len(e.Payload.Attachments) + replayMemory
	if rp.bytes > rp.limit || len(rp.missed) >= maxMissed {
		return errTooMuch
	}
	rp.missed = append(rp.missed, e)
	return nil
}

// selects reports whether the client was selected at a position.
func (rp *replay) selects(sel *backplane.Selection, at uint64) bool {
	b := &rp.body
	if sel.Endpoints != nil && !slices.Contains(sel.Endpoints, b.Endpoint) || sel.Namespace != "" && sel.Namespace != b.Namespace {
		return false
	}
	in := func(room string) bool { return rp.in(room, at) }
	if len(sel.Rooms)+len(sel.IDs) > 0 && !slices.Contains(sel.IDs, b.ID) && !slices.ContainsFunc(sel.Rooms, in) {
		return false
	}
	return !slices.Contains(sel.ExceptIDs, b.ID) && !slices.ContainsFunc(sel.ExceptRooms, in)
}

// in reports whether the client was in a room at a position.
func (rp *replay) in(room string, at uint64) bool {
	if since, in := rp.body.Rooms[room]; in && since < at {
		return true
	}
	return slices.ContainsFunc(rp.body.Former, func(f formerRoom) bool { return f.Room == room && f.Since < at && at <= f.Until })
}

func (rp *replay) join(rooms []string, at uint64) {
	for _, room := range rooms {
		if _, in := rp.body.Rooms[room]; in || len(rp.body.Rooms) >= rp.most {
			continue
		}
		if rp.body.Rooms == nil {
			rp.body.Rooms = map[string]uint64{}
		}
		rp.body.Rooms[strings.Clone(room)] = at
		rp.changed = true
	}
}

func (rp *replay) leave(rooms []string, at uint64) {
	for _, room := range rooms {
		since, in := rp.body.Rooms[room]
		if !in {
			continue
		}
		delete(rp.body.Rooms, room)
		rp.body.Former = append(rp.body.Former, formerRoom{strings.Clone(room), since, at})
		rp.changed = true
	}
	rp.body.Former, rp.body.Floor = boundFormer(rp.body.Former, rp.body.Floor)
}
