package memory

import (
	"bytes"
	"math/rand/v2"
	"time"
)

// LogFaults are what happens between a node and the log. The zero value is nothing.
type LogFaults struct {
	// Delay is how long a call takes to reach the log, as long as its answer back, and an entry to be read;
	// Jitter is how much longer each of them takes at most.
	Delay, Jitter time.Duration
	// LoseRequest and LoseAnswer are how likely a call is lost, or done and its answer lost: 0 to 1. It returns
	// [ErrLost] then.
	LoseRequest, LoseAnswer float64
}

// logLink is the state of these faults; guarded by Bus.mu.
type logLink struct {
	LogFaults

	rnd *rand.Rand // nil until it is used
}

// what is lost of a call.
const (
	lostNothing = iota
	lostRequest
	lostAnswer
)

// SetLogFaults sets the faults between the node and the log.
func (b *Backplane) SetLogFaults(f LogFaults) {
	b.bus.mu.Lock()
	defer b.bus.mu.Unlock()
	b.logLink.LogFaults = f
}

// FreezeReader has the node receive no entries of the log until ThawReader, while everything else works. Entries
// that it is receiving already are not affected.
func (b *Backplane) FreezeReader() { b.setFrozen(true) }

// ThawReader ends FreezeReader.
func (b *Backplane) ThawReader() { b.setFrozen(false) }

func (b *Backplane) setFrozen(frozen bool) {
	b.bus.mu.Lock()
	defer b.bus.mu.Unlock()
	if b.reader != nil {
		b.reader.frozen = frozen
		b.reader.signal()
	}
}

// logDelay draws a delay; Bus.mu is held.
func (b *Backplane) logDelay() time.Duration {
	return b.logLink.Delay + time.Duration(b.logRand().Float64()*float64(b.logLink.Jitter))
}

func (b *Backplane) logRand() *rand.Rand {
	if b.logLink.rnd == nil {
		b.logLink.rnd = newRand(b.bus.seed, b.number)
	}
	return b.logLink.rnd
}

// drawLogFaults draws those of a call.
func (b *Backplane) drawLogFaults() (to, back time.Duration, lost int) {
	b.bus.mu.Lock()
	defer b.bus.mu.Unlock()
	to, back = b.logDelay(), b.logDelay()
	request, answer := b.logRand().Float64(), b.logRand().Float64()
	switch {
	case request < b.logLink.LoseRequest:
		return to, back, lostRequest
	case answer < b.logLink.LoseAnswer:
		return to, back, lostAnswer
	}
	return to, back, lostNothing
}

// TrimLog removes all entries of the log but the last ones.
func (bus *Bus) TrimLog(keep int) {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	bus.log.trim(keep)
}

// FlushLog removes everything that the service keeps: entries, positions and records. The log has a new base at
// the next event.
func (bus *Bus) FlushLog() {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	old := bus.log
	bus.log = newEventLog(old.retention, old.limit)
	bus.log.run = old.run
}

// CutReplica has a replica of the service stay as the service is now.
func (bus *Bus) CutReplica() {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	bus.replica = bus.log.clone()
}

// Failover replaces the service by its replica: what was appended and stored since CutReplica is lost. The log has
// a new base at the next event. Without CutReplica nothing is lost.
func (bus *Bus) Failover() {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	run := bus.log.run + 1
	if bus.replica != nil {
		bus.log, bus.replica = bus.replica, nil
	}
	bus.log.run = run
}

// PublishEntry appends bytes to the log as an entry of so many messages, as other software does that uses the
// service.
func (bus *Bus) PublishEntry(frame []byte, messages int) {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	bus.appendEntry(bytes.Clone(frame), messages, 0)
}
