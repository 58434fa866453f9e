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
)

// claimBody is the body of a Claim.
type claimBody struct {
	Key        string   `json:"key"` // the private id
	Position   string   `json:"position"`
	Identities []string `json:"identities,omitempty"` // see pipeline.IdentityDigests
}

// claimedBody is the body of the first message of an answer; the others have an event each. One without an ID is a
// refusal.
type claimedBody struct {
	ID    string   `json:"id,omitempty"`
	Rooms []string `json:"rooms,omitempty"`
	// Moved is the node to which the client has gone.
	Moved string `json:"moved,omitempty"`
	// Delivered and Shared are in the answer to a ClaimMore.
	Delivered vector                  `json:"delivered,omitempty"`
	Shared    websockets.SharedValues `json:"shared,omitempty"`
	Present   []movedEntry            `json:"present,omitempty"`
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

// movedCount, as Count of a ClaimDone, reports that the client has moved.
const movedCount = 1

// Bounds of what a body has.
const (
	maxKey        = 256 // bytes of a private id, a position, an id of a client, a digest
	maxIdentities = 100
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
	if b.Key == "" || len(b.Key) > maxKey || len(b.Position) > maxKey || len(b.Identities) > maxIdentities ||
		slices.ContainsFunc(b.Identities, func(s string) bool { return len(s) > maxKey }) {
		return fmt.Errorf("a claim: %w", envelope.ErrInvalid)
	}
	return nil
}

func (b *claimedBody) check() error {
	if len(b.ID) > maxKey || len(b.Moved) > maxKey || len(b.Present) > roster.PerClient {
		return fmt.Errorf("an answer to a claim: %w", envelope.ErrInvalid)
	}
	return nil
}
