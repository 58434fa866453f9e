package app

import (
	"context"
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// Those of package net: probes start after 15 s without traffic, and a connection ends when 9 had no answer.
const (
	keepAliveSeconds = 15
	keepAliveCount   = 9
)

var errKeepAlive = errors.New("set TCP keep-alive of a listener")

// listen opens a port. TCP keep-alive is set at the listener, from which the kernel copies it to connections: at each of them it
// would take four system calls.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	return listenWith(ctx, addr, keepAlive)
}

func listenWith(ctx context.Context, addr string, set func(fd int) error) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		if err := c.Control(func(fd uintptr) { failed = set(int(fd)) }); err != nil || failed != nil {
			return errKeepAlive
		}
		return nil
	}}
	l, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, errKeepAlive) { // old kernels have none at sockets of Multipath TCP
		lc = net.ListenConfig{}
		return lc.Listen(ctx, "tcp", addr)
	}
	return l, err
}

func keepAlive(fd int) error {
	return errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAliveSeconds),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAliveSeconds),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveCount),
	)
}
