package sockio

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const kernelReports = true

// peerState reads the state of a TCP connection: TCP_INFO, tcp(7).
func peerState(fd uintptr) (s PeerState, ok bool) {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return s, false
	}
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ)
	if err != nil {
		return s, false
	}
	const closed, closeWait = 7, 8 // TCP_CLOSE and TCP_CLOSE_WAIT of the kernel's net/tcp_states.h
	return PeerState{
		Gone:    info.State == closed || info.State == closeWait,
		Quiet:   time.Duration(info.Last_data_recv) * time.Millisecond,
		Acked:   info.Bytes_acked,
		Waiting: uint64(max(n, 0)),
	}, true
}

// SetUserTimeout makes the kernel end a TCP connection whose peer acknowledges nothing
// for d, at least 1 s, so that silence becomes a failed write: RFC 5482. Elsewhere it
// does nothing.
func SetUserTimeout(nc net.Conn, d time.Duration) {
	tcp := TCPConn(nc)
	if tcp == nil {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(d, time.Second).Milliseconds()))
	})
}
