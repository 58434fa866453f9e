package inspect

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// overview is the page of that name.
type overview struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	Host    string `json:"host"`
	Go      string `json:"go"`
	Version string `json:"version"`
	Pprof   string `json:"pprof,omitempty"`
	// Uptime is in seconds.
	Uptime     int64  `json:"uptime"`
	Goroutines int    `json:"goroutines"`
	Heap       uint64 `json:"heap"` // bytes

	Ready    bool `json:"ready"`
	Stopping bool `json:"stopping"`

	Rates     series     `json:"rates"`
	Endpoints []endpoint `json:"endpoints"`
	Queues    []queue    `json:"queues"` // the fullest
	Nodes     []node     `json:"nodes"`
	Backplane *backplane `json:"backplane,omitempty"`
}

// endpoint is what the clients of an endpoint do.
type endpoint struct {
	Name         string         `json:"name"`
	Clients      int            `json:"clients"`
	Transports   map[string]int `json:"transports"`
	Suspended    int            `json:"suspended"`
	Rooms        int            `json:"rooms"`
	Handlers     int            `json:"handlers"`
	Waiting      int            `json:"waiting"`
	QueuedBytes  int            `json:"queued"`
	Unknown      uint64         `json:"unknown"`
	Dropped      uint64         `json:"dropped"`
	Recovered    uint64         `json:"recovered"`
	NotRecovered uint64         `json:"notRecovered"`
}

// queue is what waits for a client.
type queue struct {
	Client   string `json:"client"`
	Endpoint string `json:"endpoint"`
	Bytes    int    `json:"bytes"`
}

type node struct {
	ID   string `json:"id"`
	Self bool   `json:"self"`
}

type backplane struct {
	Up       bool   `json:"up"`
	Degraded bool   `json:"degraded"`
	Reason   string `json:"reason,omitempty"`
	Queued   int    `json:"queued"`
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
	Dropped  uint64 `json:"dropped"`
}

const (
	// statsAge is how old what the pages show may be: it takes a walk over all clients.
	statsAge  = 500 * time.Millisecond
	maxQueues = 10
)

func (i *inspector) overview(context.Context, struct{}) (overview, error) {
	if err := i.running(); err != nil {
		return overview{}, err
	}
	o := i.overviews.get(statsAge, i.look)
	o.Rates = i.feed.series()
	return o, nil
}

func (f *feed) series() series {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rates.series(time.Now().Unix())
}

func (i *inspector) look() overview {
	s := i.app.Stats()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	host, _ := os.Hostname() // empty where it is not known
	o := overview{
		Name: i.about.Modules.Root().Name(), PID: os.Getpid(), Host: host, Go: runtime.Version(), Version: version(), Pprof: i.options.Pprof,
		Uptime: int64(time.Since(i.started).Seconds()), Goroutines: runtime.NumGoroutine(), Heap: memory.HeapAlloc,
		Ready: i.app.Health().Ready, Stopping: s.Stopping, Endpoints: []endpoint{}, Queues: i.fullest(),
	}
	for _, e := range s.Endpoints {
		o.Endpoints = append(o.Endpoints, endpoint{
			Name: endpointName(e.Platform, e.Listener+e.Path, e.Namespace), Clients: e.Clients, Transports: e.Transports, Suspended: e.Suspended, Rooms: e.Rooms,
			Handlers: e.Handlers, Waiting: e.Waiting, QueuedBytes: e.QueuedBytes, Unknown: e.UnknownEvents, Dropped: e.Dropped,
			Recovered: e.Recovered, NotRecovered: e.NotRecovered,
		})
	}
	self := i.app.Self().ID
	for _, n := range i.app.Nodes() {
		o.Nodes = append(o.Nodes, node{n.ID, n.ID == self})
	}
	if b := s.Backplane; b != nil {
		o.Backplane = &backplane{b.Up, b.Degraded, b.Reason, b.Queued, b.Sent, b.Received, b.Dropped}
	}
	return o
}

// fullest returns the clients for which most waits.
func (i *inspector) fullest() []queue {
	all := []queue{}
	for c := range i.clients() {
		n := observe.QueuedBytes(c)
		if n == 0 || len(all) == maxQueues && n <= all[maxQueues-1].Bytes {
			continue
		}
		q := queue{c.ID(), nameOf(observe.EndpointOf(c)), n}
		at, _ := slices.BinarySearchFunc(all, q, func(a, b queue) int { return cmp.Compare(b.Bytes, a.Bytes) })
		if all = slices.Insert(all, at, q); len(all) > maxQueues {
			all = all[:maxQueues]
		}
	}
	return all
}

// version returns that of the program's main module.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

// declaredEvents returns the events that gateways say they send, at each endpoint.
func declaredEvents(gateways []websockets.GatewayInfo) map[sentEvent]bool {
	all := map[sentEvent]bool{}
	for _, g := range gateways {
		for _, e := range g.Endpoints {
			at := endpointName(e.Platform, e.Path, e.Namespace)
			for _, name := range []string{websockets.EventException, websockets.EventShutdown} {
				all[sentEvent{at, name}] = true
			}
			for _, s := range append(slices.Clone(g.Emits), sends(g)...) {
				name, _ := s.EventInfo()
				all[sentEvent{at, name}] = true
			}
		}
	}
	return all
}

// sends returns the events that the responses of a gateway's handlers may be.
func sends(g websockets.GatewayInfo) (all []websockets.EventInfo) {
	for _, s := range g.Subscriptions {
		all = append(all, s.Sends...)
	}
	return all
}
