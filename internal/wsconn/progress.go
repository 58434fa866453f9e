package wsconn

import (
	"net"
	"syscall"
	"time"
)

// A client is slow, not gone, as long as it takes bytes. One write of 64 KiB may take
// many seconds on a slow line, and the kernel keeps up to some MiB on top, so the
// sweeper asks the kernel how much the client's machine has acknowledged. Where it
// does not tell, writes are smaller.

// peerState is what the kernel knows of the other side of a connection.
type peerState struct {
	gone    bool          // it has closed or reset the connection
	quiet   time.Duration // since it last sent data
	acked   uint64        // bytes that it has acknowledged
	waiting uint64        // bytes written to it that it has not
}

// progress is how a client takes what it is sent. It belongs to the sweeper.
type progress struct {
	raw syscall.RawConn // nil: the system does not report it
	ask func(fd uintptr)

	peerState // what the kernel said last
	ok        bool

	write      int64 // stamp of the write under way
	writeAcked uint64
	takenAt    int64 // when the client last took a byte of it

	ping      int64 // stamp of the heartbeat under way
	arrival   arrival
	pingAcked uint64
	pingEnd   uint64 // it has arrived when so much is acknowledged
	pingAt    int64  // since when it is unanswered
}

// arrival says where a heartbeat is.
type arrival uint8

const (
	arrivalUnknown arrival = iota
	underWay
	arrived
)

func newProgress(nc net.Conn) *progress {
	p := &progress{}
	tcp := tcpConn(nc)
	if !kernelReports || tcp == nil {
		return p
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		p.raw = raw
		p.ask = func(fd uintptr) { p.peerState, p.ok = askKernel(fd) }
	}
	return p
}

// look asks the kernel.
func (p *progress) look() bool {
	p.ok = false
	if p.raw != nil {
		_ = p.raw.Control(p.ask)
	}
	return p.ok
}

// tcpConn returns the TCP connection below, also below TLS; nil without one.
func tcpConn(nc net.Conn) *net.TCPConn {
	for {
		t, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		nc = t.NetConn()
	}
	tcp, _ := nc.(*net.TCPConn)
	return tcp
}

// Acknowledged returns how many bytes the other side of a connection has acknowledged,
// and how many were written that it has not; ok is false on systems that do not report it.
func Acknowledged(nc net.Conn) (acked, waiting uint64, ok bool) {
	p := newProgress(nc)
	ok = p.look()
	return p.acked, p.waiting, ok
}

func chunkOf(nc net.Conn) int {
	if kernelReports && tcpConn(nc) != nil {
		return writeChunk
	}
	return smallChunk
}

func (c *Conn) sweepProgress() *progress {
	if c.progress == nil {
		c.progress = newProgress(c.wire.Conn)
	}
	return c.progress
}

// takenSince returns when the client last took a byte of what is being written to it;
// 0 when no write waits. It is for the sweeper, at every sweep.
func (c *Conn) takenSince(now int64) int64 {
	since := c.wire.writingSince.Load()
	if since == 0 {
		return 0
	}
	p := c.sweepProgress()
	known := p.look()
	switch {
	case p.write != since:
		p.write, p.writeAcked, p.takenAt = since, p.acked, since
	case known && p.acked != p.writeAcked:
		p.writeAcked, p.takenAt = p.acked, now
	}
	return p.takenAt
}

// UnansweredSince returns since when a heartbeat, sent or queued at the given stamp,
// waits for the client. The time that it spends behind other data on its way to a
// client that takes them does not count. It is for the sweeper.
func (c *Conn) UnansweredSince(sent, now int64) int64 {
	tick := int64(c.cfg.Group.Tick)
	if now-sent <= tick {
		return sent
	}
	p := c.sweepProgress()
	if p.ping != sent {
		p.ping, p.pingAt, p.arrival = sent, sent, arrivalUnknown
	}
	if since := c.wire.writingSince.Load(); since != 0 && now-since > tick {
		p.pingAt, p.arrival = now, arrivalUnknown // it may not be written yet; Beat watches the write
		return p.pingAt
	}
	switch {
	case p.arrival == arrived:
	case !p.look():
		p.arrival = arrived
	case p.arrival == arrivalUnknown:
		p.pingAcked, p.pingEnd, p.arrival = p.acked, p.acked+p.waiting, underWay
	case p.acked != p.pingAcked:
		p.pingAcked, p.pingAt = p.acked, now
	}
	if p.arrival == underWay && p.pingAcked >= p.pingEnd {
		p.arrival = arrived
	}
	return p.pingAt
}
