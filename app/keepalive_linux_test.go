package app

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// Connections have the TCP keep-alive that package net would set at each of them, also where a listener cannot have it.
func TestKeepAliveOfConnections(t *testing.T) {
	var usual net.ListenConfig
	plain, err := usual.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	old, err := listenWith(t.Context(), "127.0.0.1:0", func(int) error { return unix.ENOPROTOOPT })
	if err != nil {
		t.Fatal(err)
	}
	want := keepAliveOf(t, plain)
	if got := keepAliveOf(t, ours); got != want || got[0] != 1 {
		t.Errorf("options %v, want %v", got, want)
	}
	if got := keepAliveOf(t, old); got != want {
		t.Errorf("options %v where a listener has none, want %v", got, want)
	}
}

// keepAliveOf accepts a connection and returns its options.
func keepAliveOf(t *testing.T, l net.Listener) (options [5]int) {
	t.Helper()
	defer func() { _ = l.Close() }()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		for i, o := range [len(options)][2]int{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
			{unix.IPPROTO_TCP, unix.TCP_NODELAY},
		} {
			if options[i], err = unix.GetsockoptInt(int(fd), o[0], o[1]); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return options
}
