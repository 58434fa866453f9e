package app

import (
	"context"
	"time"
)

// Health is the state of an application, for probes; see [App.Health].
type Health struct {
	// Ready reports whether the application accepts clients: from the end of its start until
	// its stop starts. The backplane has no part in it, since a node serves its own clients
	// without one.
	Ready bool
	// Backplane is the connection to the other nodes; nil without the option Backplane.
	Backplane *BackplaneHealth
}

// BackplaneHealth is how well an application is connected to its other nodes.
type BackplaneHealth struct {
	// Up reports whether the service behind the backplane can be reached.
	Up bool
	// Degraded reports that it cannot, or that messages between nodes were lost within the last
	// minute, or that a node reads no version of messages that this one sends.
	Degraded bool
	// Since is when Up or Degraded last changed.
	Since time.Time
	// Reason is why it is degraded; empty when it is not.
	Reason string
	// QueueBytes is the memory of what waits to be sent.
	QueueBytes int
}

// drain waits, at the start of a stop, until load balancers send no more clients.
func (a *App) drain(ctx context.Context) {
	a.draining.Store(true)
	if a.runtime == nil || !a.runtime.Accepts() || a.cfg.drainDelay == 0 {
		return
	}
	a.log.Info("draining: not ready, and serving until the delay is over", "delay", a.cfg.drainDelay)
	select {
	case <-time.After(a.cfg.drainDelay):
	case <-ctx.Done():
	}
}

// Health returns the state of the application. It waits for nothing.
func (a *App) Health() Health {
	rt := a.counted.Load()
	if rt == nil {
		return Health{}
	}
	h := Health{Ready: rt.Accepts() && !a.draining.Load()}
	if s := rt.BackplaneStats(); s != nil {
		h.Backplane = &BackplaneHealth{Up: s.Up, Degraded: s.Degraded, Since: s.Since, Reason: s.Reason, QueueBytes: s.QueuedBytes}
	}
	return h
}
