package chat

import (
	"slices"
	"strings"
	"sync"
)

// Rooms knows who is in which room. It is safe for concurrent use.
type Rooms struct {
	mu    sync.Mutex
	rooms map[string]map[string]string // room to client id to name
}

// NewRooms makes the rooms, none.
func NewRooms() *Rooms { return &Rooms{rooms: map[string]map[string]string{}} }

// Room is a room with the names of those in it, sorted. A name is there as
// often as people have it.
type Room struct {
	Room    string   `json:"room"`
	Members []string `json:"members"`
}

// Enter puts a client into a room under a name, and gives the room after it.
func (r *Rooms) Enter(room, id, name string) Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rooms[room] == nil {
		r.rooms[room] = map[string]string{}
	}
	r.rooms[room][id] = name
	return r.get(room)
}

// Exit takes a client out of a room, and gives the room after it. Empty rooms
// are forgotten.
func (r *Rooms) Exit(room, id string) Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rooms[room], id)
	if len(r.rooms[room]) == 0 {
		delete(r.rooms, room)
	}
	return r.get(room)
}

// List gives all rooms, by name.
func (r *Rooms) List() []Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Room, 0, len(r.rooms))
	for name := range r.rooms {
		list = append(list, r.get(name))
	}
	slices.SortFunc(list, func(a, b Room) int { return strings.Compare(a.Room, b.Room) })
	return list
}

func (r *Rooms) get(room string) Room {
	members := make([]string, 0, len(r.rooms[room]))
	for _, name := range r.rooms[room] {
		members = append(members, name)
	}
	slices.Sort(members)
	return Room{room, members}
}
