package gateway

import (
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/observe"
)

// Accepts reports whether clients are accepted.
func (rt *Runtime) Accepts() bool { return rt.accepting.Load() }

// Stats counts the clients of all observed endpoints.
func (rt *Runtime) Stats() observe.Stats {
	rt.mu.Lock()
	out := observe.Stats{Stopping: rt.stopping}
	rt.mu.Unlock()
	out.Backplane = rt.BackplaneStats()
	for _, e := range rt.endpoints {
		if !e.unobserved {
			out.Endpoints = append(out.Endpoints, e.stats())
		}
	}
	return out
}

func (e *endpoint) stats() observe.EndpointStats {
	out := observe.EndpointStats{
		Platform: e.srv.adapter.Name(), Listener: e.srv.listener, Path: e.srv.path, Namespace: e.pattern.name,
		Transports: map[string]int{}, UnknownEvents: e.unknown.Load(), Dropped: e.dropped.Load(),
		Recovered: e.recovered.Load(), NotRecovered: e.notRecovered.Load(), Arrived: e.arrived.Load(), Departed: e.departed.Load(),
	}
	for _, ns := range e.matching("") {
		_, rooms := ns.Counts()
		out.Namespaces++
		out.Rooms += rooms
		out.Suspended += len(ns.Suspended())
		for _, s := range ns.Select(nil, core.Selection{}, false) {
			s.count(&out)
		}
	}
	return out
}

// count adds a client to the statistics of its endpoint.
func (s *session) count(to *observe.EndpointStats) {
	state := s.conn.State()
	to.Clients++
	to.Transports[state.Transport]++
	to.QueuedBytes += state.Queued
	to.MostQueued = max(to.MostQueued, state.Queued)
	s.mu.Lock()
	defer s.mu.Unlock()
	to.Handlers += s.draining + s.nTasks
	to.Waiting += s.inbox.len()
	to.WaitingBytes += s.inbox.bytes
}
