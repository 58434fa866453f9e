package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/gatehouse-go/gatehouse/web"
)

// SystemdSocket serves controllers and gateways on the socket of a .socket unit of systemd,
// which keeps it open while the service restarts: clients wait, and are not refused. The
// options are those of [HTTP]. Start fails unless systemd has passed exactly one socket
// (LISTEN_FDS, see sd_listen_fds(3)).
func SystemdSocket(opts ...web.Option) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		c.http, c.systemd, c.webAt = true, true, at
		c.web = append(c.web, opts...)
	})
}

// systemdSocket opens the socket that systemd has passed to this process.
func systemdSocket() (net.Listener, error) {
	const first = 3 // SD_LISTEN_FDS_START
	if pid := os.Getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) {
		return nil, errors.New("systemd has passed no socket: LISTEN_PID is not that of this process: enable and start the .socket unit of the service")
	}
	if n := os.Getenv("LISTEN_FDS"); n != "1" {
		return nil, fmt.Errorf("systemd has passed %s sockets: write one ListenStream= in the .socket unit", n)
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} { // they are not for child processes
		_ = os.Unsetenv(name)
	}
	f := os.NewFile(first, "systemd")
	defer func() { _ = f.Close() }() // the listener has a copy
	return net.FileListener(f)
}
