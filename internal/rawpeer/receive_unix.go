//go:build unix

package rawpeer

import (
	"errors"
	"syscall"
)

// receiveBuffer sets the buffer before the socket connects. Shrinking a window that was
// already advertised stalls TCP for seconds.
func receiveBuffer(n int) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, n)
		})
		return errors.Join(err, failed)
	}
}
