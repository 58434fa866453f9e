package sockio

import (
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
