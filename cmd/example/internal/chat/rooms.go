package chat

import (
	"slices"
	"strings"
	"sync"
)

// Rooms stores the members of rooms. It is safe for concurrent use.
type Rooms struct {
	mu    sync.Mutex
	rooms map[string]map[string]string // room to client id to name
}

// NewRooms returns an empty Rooms.
func NewRooms() *Rooms { return &Rooms{rooms: map[string]map[string]string{}} }

// Room is a room with the sorted names of its members, duplicates included.
type Room struct {
	Room    string   `json:"room"`
	Members []string `json:"members"`
}

// Join adds a client with a name to a room, and returns the room.
func (r *Rooms) Join(room, id, name string) Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rooms[room] == nil {
		r.rooms[room] = map[string]string{}
	}
	r.rooms[room][id] = name
	return r.get(room)
}

// Leave removes a client from a room, and returns the room. Empty rooms are removed.
func (r *Rooms) Leave(room, id string) Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rooms[room], id)
	if len(r.rooms[room]) == 0 {
		delete(r.rooms, room)
	}
	return r.get(room)
}

// List returns all rooms, sorted by name.
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
