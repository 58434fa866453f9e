package backplane

import (
	"cmp"
	"time"
)

// Options are how an application uses its backplane. Zero fields are the default.
type Options struct {
	// Required: see [Required].
	Required bool
	// Beat and Dead: see [Beats].
	Beat, Dead time.Duration
	// ResetOnGap: see [ResetOnGap].
	ResetOnGap bool
	// QueueBytes and QueueMessages: see [Queue].
	QueueBytes, QueueMessages int
}

// Option sets some of the [Options].
type Option func(*Options)

// Required has an application not start while the service cannot be reached. Default: it starts,
// serves its own clients, and connects as soon as it can.
func Required() Option { return func(o *Options) { o.Required = true } }

// Beats sets how often a node reports that it lives, and after how long without a report it counts
// as dead. Defaults 2 s and 6 s. It must be the same on all nodes.
func Beats(every, dead time.Duration) Option {
	return func(o *Options) { o.Beat, o.Dead = every, dead }
}

// Queue bounds what waits to be sent to other nodes, while the service is slow or cannot be
// reached. Defaults 8 MiB and 65,536 messages. When it is full, volatile events are dropped first,
// oldest first; without any, what is emitted reaches only the clients of this node, and Emit
// returns websockets.ErrBackplaneFull.
func Queue(bytes, messages int) Option {
	return func(o *Options) { o.QueueBytes, o.QueueMessages = bytes, messages }
}

// ResetOnGap has a node that has lost events of others cut its clients that may be recovered, such as
// those of Socket.IO with Recovery: they reconnect as new clients. Those of one node are cut at the rate of app.DrainRate, or
// at its default where that is negative. Which clients the events were for is unknown, so
// all of them are. Default: they stay connected, and are new clients when they reconnect; only those are cut that were recovered
// after the loss, before it was found. In any case losses are counted, logged and part of the health.
func ResetOnGap() Option { return func(o *Options) { o.ResetOnGap = true } }

// NewOptions returns options with defaults.
func NewOptions(opts ...Option) Options {
	var o Options
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	o.Beat = cmp.Or(max(o.Beat, 0), 2*time.Second)
	o.Dead = cmp.Or(max(o.Dead, 0), 3*o.Beat)
	o.QueueBytes = cmp.Or(max(o.QueueBytes, 0), 8<<20)
	o.QueueMessages = cmp.Or(max(o.QueueMessages, 0), 65_536)
	return o
}
