package gateway

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// claimBody is the body of a Claim.
type claimBody struct {
	Key        string   `json:"key"` // the private id
	Position   string   `json:"position"`
	Identities []string `json:"identities,omitempty"` // see pipeline.IdentityDigests
	Park       bool     `json:"park,omitempty"`       // answers a Park: the position and the identities are unknown
}

// parkBody is the body of a Park, whose request the claim repeats.
type parkBody struct {
	Key string `json:"key"`
}

// parkedBody is what the answer to the ClaimMore of a keeper has.
type parkedBody struct {
	Identities []string `json:"identities,omitempty"` // see pipeline.IdentityDigests
	Positions  []string `json:"positions,omitempty"`
	Left       int64    `json:"left"` // milliseconds for which it may still be absent
	Address    string   `json:"address,omitempty"`
	Guessed    bool     `json:"guessed,omitempty"`
}

// claimedBody is the body of the first message of an answer; the others have an event each. One without an ID is a
// refusal.
type claimedBody struct {
	ID    string   `json:"id,omitempty"`
	Rooms []string `json:"rooms,omitempty"`
	// Moved is the node to which the client has gone.
	Moved string `json:"moved,omitempty"`
	// Delivered to Present are in the answer to a ClaimMore.
	Delivered vector                  `json:"delivered,omitempty"`
	Gone      []string                `json:"gone,omitempty"` // those of Delivered that have left
	Shared    websockets.SharedValues `json:"shared,omitempty"`
	Present   []movedEntry            `json:"present,omitempty"`
	Parked    *parkedBody             `json:"parked,omitempty"` // for a keeper
}

// movedEntry is an entry of presence.
type movedEntry struct {
	Name      string          `json:"name"`
	Namespace string          `json:"namespace,omitempty"`
	Room      string          `json:"room"`
	Key       string          `json:"key"`
	Value     json.RawMessage `json:"value"`
}

// moreBody is the body of a ClaimMore.
type moreBody struct {
	Delivered vector `json:"delivered"`
}

// encodePlace returns what stands in the body of an event: its position and, after a blank, its source.
func encodePlace(e adapter.Missed) []byte {
	if e.Source == "" {
		return []byte(e.Position)
	}
	return []byte(e.Position + " " + e.Source)
}

// movedCount, as Count of a ClaimDone, reports that the client has moved.
const movedCount = 1

// Bounds of what a body has.
const (
	maxKey        = 256 // bytes of a private id, a position, an id of a client, a digest
	maxIdentities = 100
	maxPositions  = 4  // of a parked client
	moveMemory    = 16 // bytes of elements for each byte of a body
)

func encodeMove(v any) []byte {
	b, _ := json.Marshal(v) //nolint:errchkjson // bodies always encode, since shared values are JSON
	return b
}

func decodeMove(m *backplane.Message, v any) error {
	if err := codec.Unmarshal(m.Body, v, codec.Options{Budget: moveMemory*len(m.Body) + 64}); err != nil {
		return fmt.Errorf("body of a %s: %w: %w", m.Kind, envelope.ErrInvalid, err)
	}
	return nil
}

func (b *claimBody) check() error {
	if badKey(b.Key) || len(b.Position) > maxKey || badIdentities(b.Identities) {
		return fmt.Errorf("a claim: %w", envelope.ErrInvalid)
	}
	return nil
}

func badIdentities(all []string) bool {
	return len(all) > maxIdentities || slices.ContainsFunc(all, badKey)
}

func badKey(s string) bool { return s == "" || len(s) > maxKey }

func (b *claimedBody) check() error {
	if len(b.ID) > maxKey || len(b.Moved) > maxKey || len(b.Present) > roster.PerClient || len(b.Gone) > maxOrigins {
		return fmt.Errorf("an answer to a claim: %w", envelope.ErrInvalid)
	}
	if p := b.Parked; p != nil && (badIdentities(p.Identities) || len(p.Positions) > maxPositions || slices.ContainsFunc(p.Positions, badKey)) {
		return fmt.Errorf("a client that is parked: %w", envelope.ErrInvalid)
	}
	return nil
}
