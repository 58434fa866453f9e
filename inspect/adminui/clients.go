package adminui

import (
	"hash/maphash"
	"math"
	"slices"
	"sync"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// maxNamespaces is how many namespaces a page sees.
const maxNamespaces = 1000

// socketKey identifies a client of the page: that of a client that reconnects is the same.
type socketKey struct{ nsp, id string }

type entry struct {
	client websockets.Client
	conn   uint64 // the same for all namespaces of a connection
}

// clients are those that are connected to this node. They are kept also while no page is open, since a page that opens asks for them.
type clients struct {
	seed maphash.Seed

	mu         sync.Mutex
	entries    map[socketKey]entry
	conns      map[uint64]int // how many clients each connection has
	namespaces []*namespace   // in the order in which they were seen: the page merges lists by index
	byName     map[string]*namespace
}

type namespace struct {
	name    string
	sockets int
}

func newClients() *clients {
	return &clients{
		seed: maphash.MakeSeed(), entries: map[socketKey]entry{}, conns: map[uint64]int{}, byName: map[string]*namespace{},
	}
}

// nspOf returns the namespace of a client as the page shows it. Platforms without namespaces have one for each path.
func nspOf(c websockets.Client) string {
	if nsp := c.Namespace(); nsp != "" {
		return nsp
	}
	return c.Platform() + ":" + observe.EndpointOf(c).Path
}

// connOf returns a number for the connection of a client. Connections of one TCP connection, such as two of polling, differ by their query.
func (s *clients) connOf(c websockets.Client) uint64 {
	r := c.Request()
	if r == nil {
		return maphash.String(s.seed, c.ID())
	}
	return maphash.String(s.seed, r.RemoteAddr+" "+r.URL.RequestURI())
}

// add adds a client, and reports whether it is the first of its connection.
func (s *clients) add(c websockets.Client) (e entry, first bool) {
	e = entry{c, s.connOf(c)}
	k := socketKey{nspOf(c), c.ID()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.entries[k]; ok { // recovered before the end of its old connection
		s.leave(old.conn, k.nsp)
	}
	s.entries[k] = e
	s.conns[e.conn]++
	s.count(k.nsp, 1)
	return e, s.conns[e.conn] == 1
}

// remove removes a client, and reports whether it was there, and the last of its connection. One that has been recovered by another
// connection is not.
func (s *clients) remove(c websockets.Client) (found, last bool) {
	k := socketKey{nspOf(c), c.ID()}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[k]
	if !ok || e.client != c {
		return false, false
	}
	delete(s.entries, k)
	return true, s.leave(e.conn, k.nsp)
}

func (s *clients) leave(conn uint64, nsp string) (last bool) {
	s.count(nsp, -1)
	if s.conns[conn]--; s.conns[conn] > 0 {
		return false
	}
	delete(s.conns, conn)
	return true
}

func (s *clients) count(nsp string, n int) {
	ns := s.byName[nsp]
	if ns == nil {
		if len(s.namespaces) == maxNamespaces {
			return
		}
		ns = &namespace{name: nsp}
		s.byName[nsp] = ns
		s.namespaces = append(s.namespaces, ns)
	}
	ns.sockets += n
}

// all returns at most most clients, without an order.
func (s *clients) all(most int) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]entry, 0, min(most, len(s.entries)))
	for _, e := range s.entries {
		if len(all) == most {
			break
		}
		all = append(all, e)
	}
	return all
}

// selected returns the clients of a namespace; with a filter those that are in this room, or have this id.
func (s *clients) selected(nsp, filter string) []websockets.Client {
	s.mu.Lock()
	var found []websockets.Client
	if e, ok := s.entries[socketKey{nsp, filter}]; ok {
		found = append(found, e.client)
		s.mu.Unlock()
		return found
	}
	for k, e := range s.entries {
		if k.nsp == nsp {
			found = append(found, e.client)
		}
	}
	s.mu.Unlock()
	if filter == "" {
		return found
	}
	return slices.DeleteFunc(found, func(c websockets.Client) bool { return !slices.Contains(c.Rooms(), filter) })
}

// census is what the page counts.
type census struct {
	conns, polling int
	namespaces     []namespaceStats
}

func (s *clients) census() census {
	all := s.all(math.MaxInt)
	polling := map[uint64]bool{}
	for _, e := range all {
		if e.client.Transport() == "polling" {
			polling[e.conn] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := census{conns: len(s.conns), polling: len(polling), namespaces: make([]namespaceStats, len(s.namespaces))}
	for i, ns := range s.namespaces {
		c.namespaces[i] = namespaceStats{ns.name, ns.sockets}
	}
	return c
}
