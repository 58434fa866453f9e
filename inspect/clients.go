package inspect

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Bounds of what a page shows.
const (
	maxRows    = 200
	maxHistory = 200 // messages of one client
	maxRooms   = 50  // of a client in the table
)

// clientView is a client in the table.
type clientView struct {
	ID        string `json:"id"`
	Endpoint  string `json:"endpoint"`
	Namespace string `json:"namespace,omitempty"`
	Transport string `json:"transport"`
	Address   string `json:"address"`
	// Since is in milliseconds since the start of 1970.
	Since  int64    `json:"since"`
	Rooms  []string `json:"rooms"` // at most maxRooms
	InAll  int      `json:"inAll"` // how many rooms
	Queued int      `json:"queued"`
}

// clientTable is the clients that match.
type clientTable struct {
	Total   int          `json:"total"`
	Matched int          `json:"matched"`
	Clients []clientView `json:"clients"` // the first maxRows, the newest first
}

// search is what a table is filtered by: a part of the id, the endpoint, the address or a room.
type search struct {
	Text string `query:"q"`
}

func (i *inspector) clientTable(_ context.Context, in search) (clientTable, error) {
	if err := i.running(); err != nil {
		return clientTable{}, err
	}
	t, text := clientTable{Clients: []clientView{}}, strings.ToLower(cut(in.Text, maxFilter))
	var matching []websockets.Client
	for c := range i.clients() {
		t.Total++
		if text == "" || matchesClient(c, text) {
			matching = append(matching, c)
		}
	}
	t.Matched = len(matching)
	slices.SortFunc(matching, func(a, b websockets.Client) int {
		return cmp.Or(b.ConnectedAt().Compare(a.ConnectedAt()), cmp.Compare(a.ID(), b.ID()))
	})
	for _, c := range matching[:min(len(matching), maxRows)] {
		t.Clients = append(t.Clients, viewOfClient(c))
	}
	return t, nil
}

// matchesClient reports whether a text, in lower case, is a part of what identifies a client, or a room of it.
func matchesClient(c websockets.Client, text string) bool {
	return contains(c.ID(), text) || contains(nameOf(observe.EndpointOf(c)), text) || contains(c.Namespace(), text) ||
		contains(addressOf(c), text) || slices.ContainsFunc(c.Rooms(), func(r string) bool { return contains(r, text) })
}

func viewOfClient(c websockets.Client) clientView {
	rooms := c.Rooms()
	return clientView{
		ID: c.ID(), Endpoint: nameOf(observe.EndpointOf(c)), Namespace: c.Namespace(), Transport: c.Transport(), Address: addressOf(c),
		Since: c.ConnectedAt().UnixMilli(), Rooms: list(rooms[:min(len(rooms), maxRooms)]), InAll: len(rooms), Queued: observe.QueuedBytes(c),
	}
}

func addressOf(c websockets.Client) string {
	if a := websockets.RemoteAddr(c); a.IsValid() {
		return a.String()
	}
	return ""
}

// clientDetail is one client.
type clientDetail struct {
	clientView

	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Recovered bool              `json:"recovered"`
	Values    []string          `json:"values"` // the names of what guards and handlers have stored
	Messages  []entry           `json:"messages"`
}

// one is a client by its id.
type one struct {
	ID string `path:"id"`
}

func (i *inspector) clientDetail(_ context.Context, in one) (clientDetail, error) {
	c, err := i.client(in.ID)
	if err != nil {
		return clientDetail{}, err
	}
	d := clientDetail{clientView: viewOfClient(c), Headers: map[string]string{}, Recovered: c.Recovered(), Values: c.Values().Names()}
	if r := c.Request(); r != nil {
		d.Headers = headersOf(r.Header)
		if r.URL != nil {
			d.URL = urlOf(r.URL)
		}
	}
	d.Messages = i.feed.find(filter{{field: "client", value: strings.ToLower(c.ID())}}, maxHistory)
	return d, nil
}

func (i *inspector) disconnect(_ context.Context, in one) (struct{}, error) {
	c, err := i.client(in.ID)
	if err == nil {
		c.Disconnect()
	}
	return struct{}{}, err
}

// roomChange is a client that joins or leaves a room.
type roomChange struct {
	ID   string `path:"id"`
	Room string `json:"room"`
}

func (i *inspector) join(_ context.Context, in roomChange) (struct{}, error) {
	c, err := i.client(in.ID)
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, badRequest(c.Join(in.Room))
}

func (i *inspector) leave(_ context.Context, in roomChange) (struct{}, error) {
	c, err := i.client(in.ID)
	if err == nil {
		c.Leave(in.Room)
	}
	return struct{}{}, err
}

// roomView is a room with its clients at this node.
type roomView struct {
	Endpoint  string   `json:"endpoint"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name"`
	Size      int      `json:"size"`
	Members   []string `json:"members"` // at most maxRooms
}

// roomTable is the rooms that match.
type roomTable struct {
	Total int        `json:"total"`
	Rooms []roomView `json:"rooms"` // the largest, at most maxRows
}

func (i *inspector) roomTable(_ context.Context, in search) (roomTable, error) {
	if err := i.running(); err != nil {
		return roomTable{}, err
	}
	type key struct{ endpoint, namespace, name string }
	text := strings.ToLower(cut(in.Text, maxFilter))
	all := map[key]*roomView{}
	for c := range i.clients() {
		at := nameOf(observe.EndpointOf(c))
		for _, name := range c.Rooms() {
			if !contains(name, text) && !contains(at, text) {
				continue
			}
			k := key{at, c.Namespace(), name}
			r := all[k]
			if r == nil {
				r = &roomView{Endpoint: at, Namespace: c.Namespace(), Name: name, Members: []string{}}
				all[k] = r
			}
			if r.Size++; len(r.Members) < maxRooms {
				r.Members = append(r.Members, c.ID())
			}
		}
	}
	t := roomTable{Total: len(all), Rooms: []roomView{}}
	sorted := slices.SortedFunc(maps.Values(all), func(a, b *roomView) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, r := range sorted[:min(len(sorted), maxRows)] {
		slices.Sort(r.Members)
		t.Rooms = append(t.Rooms, *r)
	}
	return t, nil
}

// emitTimeout is how long an event of the inspector may take to reach the other nodes.
const emitTimeout = 5 * time.Second
