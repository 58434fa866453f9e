package sockio

import (
	"net"
	"syscall"
	"time"
)

// PeerState is what the kernel knows about the other side of a TCP connection.
type PeerState struct {
	Gone    bool          // the peer has closed or reset the connection
	Quiet   time.Duration // since it last sent data
	Acked   uint64        // bytes that it has acknowledged
	Waiting uint64        // bytes written to it that it has not acknowledged
}

// Probe asks the kernel for the [PeerState] of one connection. Unread data and TLS do
// not hide it. For one goroutine at a time.
type Probe struct {
	raw   syscall.RawConn // nil: the system does not report it
	ask   func(fd uintptr)
	state PeerState
	ok    bool
}

// NewProbe returns a probe for any connection. On systems that do not report the state,
// and for connections other than TCP, its Look returns false.
func NewProbe(nc net.Conn) *Probe {
	p := &Probe{}
	if !Reports(nc) {
		return p
	}
	if raw, err := TCPConn(nc).SyscallConn(); err == nil {
		p.raw = raw
		p.ask = func(fd uintptr) { p.state, p.ok = peerState(fd) }
	}
	return p
}

// Look asks the kernel. ok is false when it does not report the state.
func (p *Probe) Look() (s PeerState, ok bool) {
	p.ok = false
	if p.raw != nil {
		_ = p.raw.Control(p.ask)
	}
	return p.state, p.ok
}

// Reports reports whether the kernel knows the state of this connection's peer.
func Reports(nc net.Conn) bool { return kernelReports && TCPConn(nc) != nil }
