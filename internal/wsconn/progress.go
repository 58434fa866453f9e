package wsconn

import (
	"net"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/sockio"
)

// A client is slow, not gone, as long as it accepts bytes. One write of 64 KiB may take
// many seconds on a slow line, and the kernel buffers some MiB on top, so the sweeper asks
// the kernel how much the client's machine has acknowledged. Where the kernel does not
// report that, writes are smaller.

// progress is how a client accepts what it is sent. For the sweeper only.
type progress struct {
	probe            *sockio.Probe
	sockio.PeerState // the kernel's last report

	write      int64 // stamp of the write under way
	writeAcked uint64
	acceptedAt int64 // when the client last accepted a byte of it

	ping      int64 // stamp of the heartbeat under way
	arrival   arrival
	pingAcked uint64
	pingEnd   uint64 // it has arrived when this much is acknowledged
	pingAt    int64  // since when it is unanswered

	silentAcked uint64 // see silence
	silentAt    int64
}

// arrival is where a heartbeat is.
type arrival uint8

const (
	arrivalUnknown arrival = iota
	underWay
	arrived
)

func newProgress(nc net.Conn) *progress { return &progress{probe: sockio.NewProbe(nc)} }

// look asks the kernel; false where it does not report the state.
func (p *progress) look() (ok bool) {
	p.PeerState, ok = p.probe.Look()
	return ok
}

// Acknowledged returns how many bytes the other side of a connection has acknowledged,
// and how many were written that it has not; ok is false on systems that do not report it.
func Acknowledged(nc net.Conn) (acked, waiting uint64, ok bool) {
	s, ok := sockio.NewProbe(nc).Look()
	return s.Acked, s.Waiting, ok
}

func chunkOf(nc net.Conn) int {
	if sockio.Reports(nc) {
		return writeChunk
	}
	return smallChunk
}

func (c *Conn) sweepProgress() *progress {
	if c.progress == nil {
		c.progress = newProgress(c.framed.Conn)
	}
	return c.progress
}

// silence returns for how long the client's machine has acknowledged nothing of what waits for
// it, and without that for how long it has sent nothing. It uses the kernel's last report. The
// kernel itself has a timeout for this, TCP_USER_TIMEOUT, but Linux also cuts off a client with
// it whose window stays small, however steadily it reads.
func (p *progress) silence(now int64) time.Duration {
	if p.silentAt == 0 || p.Waiting == 0 || p.Acked != p.silentAcked {
		p.silentAcked, p.silentAt = p.Acked, now
	}
	if p.Waiting == 0 {
		return p.Quiet
	}
	return time.Duration(now - p.silentAt)
}

// lastAccepted returns when the client last accepted a byte of the write under way; 0
// when no write waits. The sweeper calls it at every sweep.
func (c *Conn) lastAccepted(now int64) int64 {
	since := c.framed.writingSince.Load()
	if since == 0 {
		return 0
	}
	p := c.sweepProgress()
	known := p.look()
	switch {
	case p.write != since:
		p.write, p.writeAcked, p.acceptedAt = since, p.Acked, since
	case known && p.Acked != p.writeAcked:
		p.writeAcked, p.acceptedAt = p.Acked, now
	}
	return p.acceptedAt
}

// UnansweredSince returns since when a heartbeat, sent or queued at the given stamp, is
// unanswered. The time that it spends behind other data on its way to a client that
// accepts them does not count. For the sweeper only.
func (c *Conn) UnansweredSince(sent, now int64) int64 {
	tick := int64(c.cfg.Group.Tick)
	if now-sent <= tick {
		return sent
	}
	p := c.sweepProgress()
	if p.ping != sent {
		p.ping, p.pingAt, p.arrival = sent, sent, arrivalUnknown
	}
	if since := c.framed.writingSince.Load(); since != 0 && now-since > tick {
		p.pingAt, p.arrival = now, arrivalUnknown // it may not be written yet; CheckTimeouts checks the write
		return p.pingAt
	}
	switch {
	case p.arrival == arrived:
	case !p.look():
		p.arrival = arrived
	case p.arrival == arrivalUnknown:
		p.pingAcked, p.pingEnd, p.arrival = p.Acked, p.Acked+p.Waiting, underWay
	case p.Acked != p.pingAcked:
		p.pingAcked, p.pingAt = p.Acked, now
	}
	if p.arrival == underWay && p.pingAcked >= p.pingEnd {
		p.arrival = arrived
	}
	return p.pingAt
}
