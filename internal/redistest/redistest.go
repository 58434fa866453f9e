// Package redistest starts servers of Redis for tests.
package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Server is a redis-server on a port of its own, which keeps nothing.
type Server struct {
	// Address is host and port.
	Address string

	t    testing.TB
	path string
	args []string
	log  string

	mu     sync.Mutex
	cmd    *exec.Cmd // nil while it does not run
	ended  chan struct{}
	frozen bool
}

// Start starts a server, until the test ends. The test is skipped without the program, and fails if
// CI=true. args are added to its command line.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return StartWith(t, "", append([]string{"--save", "", "--appendonly", "no"}, args...)...)
}

// StartWith is Start with a configuration file, or without one, and nothing about what the server keeps.
func StartWith(t testing.TB, file string, args ...string) *Server {
	t.Helper()
	path := need.Program(t, "REDIS_SERVER", "redis-server")
	dir := t.TempDir()
	s := &Server{t: t, path: path, log: filepath.Join(dir, "log"), Address: testkit.FreeAddress(t)}
	_, port, _ := net.SplitHostPort(s.Address)
	if file != "" {
		s.args = []string{file}
	}
	s.args = append(append(s.args, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--logfile", s.log), args...)
	t.Cleanup(s.Kill)
	s.Restart()
	return s
}

// Restart starts the server again after Kill, empty. It returns when the server answers, if it
// listens without TLS.
func (s *Server) Restart() {
	s.t.Helper()
	s.mu.Lock()
	if s.cmd != nil {
		s.mu.Unlock()
		s.t.Error("redistest: Restart of a server that runs")
		return
	}
	cmd := exec.Command(s.path, s.args...) //nolint:gosec,noctx // the program of the test, which Kill ends
	ended := make(chan struct{})
	if err := cmd.Start(); err != nil {
		s.mu.Unlock()
		s.t.Fatal(err)
	}
	s.cmd, s.ended = cmd, ended
	s.mu.Unlock()
	go func() { _ = cmd.Wait(); close(ended) }()
	testkit.Eventually(s.t, "redis-server answers", func() bool {
		select {
		case <-ended:
			text, _ := os.ReadFile(s.log)
			s.t.Fatalf("redis-server has ended: %s", text)
		default:
		}
		text, _ := os.ReadFile(s.log)
		return bytes.Contains(text, []byte("Ready to accept connections")) || bytes.Contains(text, []byte("Sentinel ID is"))
	})
}

// Kill ends the server at once. It may be frozen or not run.
func (s *Server) Kill() {
	s.mu.Lock()
	cmd, ended := s.cmd, s.ended
	s.cmd, s.frozen = nil, false
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Kill()
	<-ended
	_ = os.Remove(s.log) // Restart waits for a line of the next one
}

// Freeze has the server answer nothing, while connections stay, until Thaw.
func (s *Server) Freeze() { s.signal(stop, true) }

// Thaw ends Freeze.
func (s *Server) Thaw() { s.signal(resume, false) }

func (s *Server) signal(sig os.Signal, frozen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil || s.frozen == frozen {
		return
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Errorf("redistest: %v", err)
	}
	s.frozen = frozen
}

// Do sends a command, and returns the answer: a text, or the texts of an array in a line each. An
// error of Redis starts with "-".
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	c, err := net.DialTimeout("tcp", s.Address, testkit.Patience) //nolint:noctx // bounded by time
	if err != nil {
		s.t.Errorf("redistest: %v", err)
		return ""
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	_, _ = io.WriteString(c, b.String())
	answer, err := read(bufio.NewReader(c))
	if err != nil {
		s.t.Errorf("redistest: %q: %v", args, err)
	}
	return answer
}

// read reads an answer of RESP 2.
func read(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch line[0] {
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return "", err
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(r, b)
		return string(b[:n]), err
	case '*':
		n, err := strconv.Atoi(line[1:])
		var all []string
		for range max(n, 0) {
			text, failed := read(r)
			if failed != nil {
				return "", failed
			}
			all = append(all, text)
		}
		return strings.Join(all, "\n"), err
	case '-':
		return line, nil
	}
	return line[1:], nil
}
