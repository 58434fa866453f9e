//go:build !unix

package rawpeer

import "syscall"

// receiveBuffer does not change the buffer.
func receiveBuffer(int) func(network, address string, c syscall.RawConn) error { return nil }
