package apptest

import (
	"encoding/json"

	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// fakeEndpoints are those of all fake clients.
var fakeEndpoints = []uint32{1}

func newFakeRoster() *roster.Table { return roster.New(roster.Config{Node: "fake"}) }

// Presence implements [websockets.Client]: package presence has the client at the server that it was
// added to. Subscriptions of presence are not called.
func (c *FakeClient) Presence(seal.Framework) roster.Member { return fakeMember{c} }

type fakeMember struct{ c *FakeClient }

func (m fakeMember) Track(d roster.Decl, room, key string, v any) error {
	if _, closed := m.c.Closed(); closed {
		return websockets.ErrClosed
	}
	if !m.c.in(room) {
		return roster.ErrNotInRoom
	}
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return m.c.table().Put(d, &roster.Entry{
		Scope: roster.Scope{Name: d.Name, Room: room}, Key: key, Client: m.c.id, Endpoint: fakeEndpoints[0], Value: value,
	})
}

func (m fakeMember) Untrack(name, room, key string) {
	m.c.table().Remove(roster.Scope{Name: name, Room: room}, key, m.c.id)
}

// Presence implements the hub of a [websockets.Server].
func (h fakeHub) Presence() roster.View { return fakeView{h.s.present} }

type fakeView struct{ t *roster.Table }

func (v fakeView) List(s roster.Scope) []roster.Keyed { return v.t.List(s, fakeEndpoints) }

func (v fakeView) Get(s roster.Scope, key string) []*roster.Entry {
	return v.t.Get(s, key, fakeEndpoints)
}

func (fakeView) Undecodable(*roster.Entry, error) {}
