package wsconn

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const kernelReports = true

// askKernel reads the state of a TCP connection without reading from it: TCP_INFO, tcp(7).
// Unread data and TLS do not hide it.
func askKernel(fd uintptr) (s peerState, ok bool) {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return s, false
	}
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ)
	if err != nil {
		return s, false
	}
	const closed, closeWait = 7, 8 // TCP_CLOSE and TCP_CLOSE_WAIT of the kernel's net/tcp_states.h
	return peerState{
		gone:    info.State == closed || info.State == closeWait,
		quiet:   time.Duration(info.Last_data_recv) * time.Millisecond,
		acked:   info.Bytes_acked,
		waiting: uint64(max(n, 0)),
	}, true
}

// setUserTimeout has the kernel end a connection whose peer acknowledges nothing for d,
// RFC 5482, so that silence becomes a failed write.
func setUserTimeout(nc net.Conn, d time.Duration) {
	tcp := tcpConn(nc)
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
