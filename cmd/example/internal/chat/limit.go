package chat

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
)

// RoomLimit is a guard: nobody can follow a room in which more is said than 5 messages
// a second, or 10 at once. All who talk in a room share its limit, on every platform
// and over HTTP, so there is one of it, injected where something is said.
type RoomLimit struct{ pipeline.Guard }

// NewRoomLimit makes the guard.
func NewRoomLimit() *RoomLimit { return &RoomLimit{ratelimit.By(roomOf, 5, 10)} }

// roomOf is the room in which something is about to be said. A client without a
// room passes: the handler tells it so.
func roomOf(_ context.Context, c *pipeline.Call) (string, bool) {
	if c.Kind == pipeline.KindHTTP {
		return roomInPath(c.Request), true
	}
	at, ok := seat.Get(c)
	return at.room, ok
}

// roomInPath reads the room as the handler will: another spelling of its path must not
// be another room.
func roomInPath(r *http.Request) string {
	room := r.PathValue("room")
	if r.URL.RawPath != "" { // then chi has matched the path as it was sent
		if decoded, err := url.PathUnescape(room); err == nil {
			room = decoded
		}
	}
	return strings.TrimSpace(room)
}
