package chat

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
)

// RoomLimit is a guard that limits each room to 5 messages a second, bursts of 10. All
// platforms and HTTP share the limit, so one instance is injected everywhere.
type RoomLimit struct{ pipeline.Guard }

// NewRoomLimit returns the guard.
func NewRoomLimit() *RoomLimit { return &RoomLimit{ratelimit.By(roomOf, 5, 10)} }

// roomOf returns the room of a call. It does not limit a client without a room, which
// the handler rejects.
func roomOf(_ context.Context, c *pipeline.Call) (string, bool) {
	if c.Kind == pipeline.KindHTTP {
		return roomInPath(c.Request), true
	}
	m, ok := membershipKey.Get(c)
	return m.room, ok
}

// roomInPath decodes the room like the handler: another spelling of the path is the
// same room.
func roomInPath(r *http.Request) string {
	room := r.PathValue("room")
	if r.URL.RawPath != "" { // chi matched the encoded path
		if decoded, err := url.PathUnescape(room); err == nil {
			room = decoded
		}
	}
	return strings.TrimSpace(room)
}
