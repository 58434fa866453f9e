package inspect

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/observe"
)

// names keeps the names of endpoints, of which an application has few, since they are needed for every message. The zero value is
// ready to use.
type names struct {
	known atomic.Pointer[map[observe.Endpoint]string]

	mu sync.Mutex // of those that add one
}

// of returns the name of an endpoint.
func (n *names) of(at observe.Endpoint) string {
	if known := n.known.Load(); known != nil {
		if name, ok := (*known)[at]; ok {
			return name
		}
	}
	return n.add(at)
}

func (n *names) add(at observe.Endpoint) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[observe.Endpoint]string{}
	if known := n.known.Load(); known != nil {
		maps.Copy(all, *known)
	}
	all[at] = nameOf(at)
	n.known.Store(&all)
	return all[at]
}
