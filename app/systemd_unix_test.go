//go:build unix

package app_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// A process that systemd starts serves on the socket that was passed to it, also what came before it ran.
func TestSystemdSocket(t *testing.T) {
	l := listenAnywhere(t)
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	early, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = early.Close() }()
	_ = early.SetDeadline(time.Now().Add(30 * time.Second))

	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), programEnv+"=systemd", "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{f} // becomes 3
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(early, "GET /text HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(early)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.0 200 OK") {
		t.Errorf("%.40q, %v", answer, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &stderr)
	}
}

func TestSystemdSocketErrors(t *testing.T) {
	for what, c := range map[string]struct{ pid, fds, want string }{
		"none": {"", "", "app: SystemdSocket: systemd has passed no socket: LISTEN_PID is not that of this process: " +
			"enable and start the .socket unit of the service"},
		"of another process": {"1", "1", "app: SystemdSocket: systemd has passed no socket"},
		"two":                {"own", "2", "app: SystemdSocket: systemd has passed 2 sockets: write one ListenStream= in the .socket unit"},
	} {
		if c.pid == "own" {
			c.pid = strconv.Itoa(os.Getpid())
		}
		t.Setenv("LISTEN_PID", c.pid)
		t.Setenv("LISTEN_FDS", c.fds)
		a, err := app.New(served(), app.SystemdSocket(), app.WebSockets(ws.New()), quiet())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
}
