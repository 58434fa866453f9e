package wsconn

import "golang.org/x/sys/unix"

const kernelTells = true

// acknowledged returns how many bytes the other side of a TCP connection has
// acknowledged, and how many were written that it has not.
func acknowledged(fd uintptr) (acked, waiting uint64, ok bool) {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, 0, false
	}
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ)
	if err != nil {
		return 0, 0, false
	}
	return info.Bytes_acked, uint64(max(n, 0)), true
}
