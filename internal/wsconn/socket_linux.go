package wsconn

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// peerState reports, without reading, whether the peer has closed or reset the connection
// and when it last sent data. It asks for TCP_INFO, tcp(7): unread data and TLS do not
// hide the answer.
func peerState(nc net.Conn) (p peer, ok bool) {
	info, ok := tcpInfo(nc)
	if !ok {
		return peer{}, false
	}
	const closed, closeWait = 7, 8 // TCP_CLOSE and TCP_CLOSE_WAIT of the kernel's net/tcp_states.h
	return peer{
		gone:  info.State == closed || info.State == closeWait,
		quiet: time.Duration(info.Last_data_recv) * time.Millisecond,
		busy:  info.Unacked > 0 || info.Notsent_bytes > 0,
	}, true
}

func tcpInfo(nc net.Conn) (*unix.TCPInfo, bool) {
	t := tcpConn(nc)
	if t == nil {
		return nil, false
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return nil, false
	}
	var info *unix.TCPInfo
	if raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }) != nil || err != nil {
		return nil, false
	}
	return info, true
}

// setUserTimeout has the kernel end a connection whose peer acknowledges nothing for d,
// RFC 5482, so that silence becomes a failed write.
func setUserTimeout(nc net.Conn, d time.Duration) {
	t := tcpConn(nc)
	if t == nil {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(max(d, time.Second).Milliseconds()))
	})
}
