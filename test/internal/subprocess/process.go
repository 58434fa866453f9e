package subprocess

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// patience limits every wait for the program.
const patience = 60 * time.Second

// Process is a running program.
type Process struct {
	// Addr is host and port of its HTTP server.
	Addr string

	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.Writer
	lines  chan string
	stderr *testkit.Log
}

// End is the result of a program.
type End struct {
	// Status is its exit status; -1 if it was ended by a signal.
	Status int
	// Signal is that signal.
	Signal syscall.Signal
	// Counts are its counts; nil if it was ended before its last hook.
	Counts *Counts
	// Stderr is its log.
	Stderr string
}

// Start starts the test binary as the program, and waits until it listens.
func Start(t testing.TB, s Settings) *Process {
	t.Helper()
	p := Launch(t, s)
	p.Addr = strings.TrimPrefix(p.WantLine("ready "), "ready ")
	return p
}

// Launch is [Start] without waiting.
func Launch(t testing.TB, s Settings) *Process {
	t.Helper()
	return Run(t, env, s)
}

// Run starts the test binary as another program: one that its TestMain runs where the environment has the variable. The
// value is the settings, in JSON.
func Run(t testing.TB, variable string, settings any) *Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	value, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self) //nolint:gosec // the test itself
	cmd.Env = append(os.Environ(), variable+"="+string(value))
	return RunCommand(t, cmd)
}

// RunCommand starts another program.
func RunCommand(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, lines: make(chan string, 100), stderr: &testkit.Log{}}
	p.cmd.Stderr = p.stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for all := bufio.NewScanner(out); all.Scan(); {
			p.lines <- all.Text()
		}
	}()
	t.Cleanup(func() { // if the test has failed
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return p
}

// WantLine waits until the program has written a line with the prefix, and returns it.
func (p *Process) WantLine(prefix string) string {
	p.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.t.Fatalf("program: it has ended without the line %q:\n%s", prefix, p.stderr)
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-late.C:
			p.t.Fatalf("program: it has not written %q:\n%s", prefix, p.stderr)
		}
	}
}

// Send writes a line to the program.
func (p *Process) Send(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatalf("program: %v:\n%s", err, p.stderr)
	}
}

// TrySend is Send to a program that may have ended.
func (p *Process) TrySend(line string) error {
	_, err := io.WriteString(p.stdin, line+"\n")
	return err
}

// WantStderr waits until the program's log contains a word.
func (p *Process) WantStderr(word string) {
	p.t.Helper()
	if !testkit.Within(patience, func() bool { return strings.Contains(p.stderr.String(), word) }) {
		p.t.Fatalf("program: its log does not contain %q:\n%s", word, p.stderr)
	}
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("program: %v", err)
	}
}

// Wait waits until the program has ended.
func (p *Process) Wait() End {
	p.t.Helper()
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	var end End
	for line := range p.lines {
		if value, ok := strings.CutPrefix(line, "counts "); ok {
			end.Counts = &Counts{}
			if err := json.Unmarshal([]byte(value), end.Counts); err != nil {
				p.t.Fatalf("program: %s: %v", line, err)
			}
		}
	}
	err := p.cmd.Wait()
	end.Stderr = p.stderr.String()
	end.Status = p.cmd.ProcessState.ExitCode()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			end.Signal = status.Signal()
		}
	}
	return end
}

// memory returns the runtime's memory as counted for its limit.
func memory() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
