package testkit

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"testing"
)

// FreeAddress returns an address of this machine on which nothing listens, as host and port, for a program that
// must know its port before it starts, or starts again on it. The port is below those that the system takes for
// connections and for listeners with port 0: unlike that of a listener with port 0 that was closed, no other test gets
// it meanwhile, but by a rare chance one that calls FreeAddress too.
func FreeAddress(t testing.TB) string {
	t.Helper()
	const lowest, attempts = 12_000, 1000
	for range attempts {
		address := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(firstEphemeral()-lowest)) //nolint:gosec // no secret
		l, err := net.Listen("tcp", address)                                              //nolint:noctx // returns at once
		if err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("testkit: no free port")
	return ""
}

// FreePort is the port of [FreeAddress].
func FreePort(t testing.TB) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(FreeAddress(t))
	return port
}

// firstEphemeral returns the first port that the system takes itself.
func firstEphemeral() int {
	first := 32_768 // of Linux; others start later
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(text), &first)
	}
	return max(first, 16_000)
}
