// Package nodetest drives npm's clients, and npm's servers as a reference, from Go
// tests. The programs are in test/js.
package nodetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Timeout limits every step. It is long, because npm's clients share the machine with
// the race detector.
const Timeout = testkit.Patience

// Process is a Node program of test/js that answers requests line by line. It exits
// when the test ends.
type Process struct {
	t      testing.TB
	stderr testkit.Log

	writing sync.Mutex
	stdin   io.WriteCloser

	mu      sync.Mutex
	next    int
	pending map[int]chan response
	ended   chan struct{}
}

// Fields are the fields of a request.
type Fields map[string]any

// RemoteError is an exception of the Node program.
type RemoteError struct {
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
	Status  int             `json:"status"`
	Body    string          `json:"body"`
}

// Error returns the message.
func (e *RemoteError) Error() string { return e.Message }

type response struct {
	ok  json.RawMessage
	err *RemoteError
}

// StartProcess starts test/js/script. Lines that answer no request are passed to
// onLine, one at a time.
func StartProcess(t testing.TB, script string, onLine func([]byte), args ...string) *Process {
	t.Helper()
	dir := need.Packages(t)
	node := need.Program(t, "NODE", "node")
	//nolint:gosec,noctx // a program of the tests; stop ends it
	cmd := exec.Command(node, append([]string{filepath.Join("js", script)}, args...)...)
	cmd.Dir = dir
	p := &Process{t: t, pending: map[int]chan response{}, ended: make(chan struct{})}
	cmd.Stderr = &p.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	go func() {
		defer close(p.ended)
		p.read(stdout, onLine)
	}()
	t.Cleanup(func() { p.stop(cmd) })
	return p
}

// Do sends a request and returns the answer. The error is a [*RemoteError] if the
// program throws.
func (p *Process) Do(what string, fields Fields) (json.RawMessage, error) {
	answer := make(chan response, 1)
	p.mu.Lock()
	p.next++
	id := p.next
	p.pending[id] = answer
	p.mu.Unlock()

	line := Fields{"id": id, "do": what}
	maps.Copy(line, fields)
	b, err := encode(line)
	if err != nil {
		return nil, err
	}
	p.writing.Lock()
	_, err = p.stdin.Write(append(b, '\n'))
	p.writing.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", what, err, p.stderr.String())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*Timeout)
	defer cancel()
	select {
	case got := <-answer:
		if got.err != nil {
			return nil, got.err
		}
		return got.ok, nil
	case <-p.ended:
		return nil, fmt.Errorf("%s: the Node program exited\n%s", what, p.stderr.String())
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: no answer from the Node program\n%s", what, p.stderr.String())
	}
}

// MustDo is [Process.Do] that fails the test on errors.
func (p *Process) MustDo(what string, fields Fields) json.RawMessage {
	p.t.Helper()
	v, err := p.Do(what, fields)
	if err != nil {
		p.t.Fatalf("nodetest: %v", err)
	}
	return v
}

const maxLine = 64 << 20

func (p *Process) read(stdout io.Reader, onLine func([]byte)) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var head struct {
			ID    int             `json:"id"`
			OK    json.RawMessage `json:"ok"`
			Error *RemoteError    `json:"error"`
		}
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			p.t.Errorf("nodetest: line %.200q: %v", lines.Bytes(), err)
			continue
		}
		if head.ID == 0 {
			onLine(bytes.Clone(lines.Bytes()))
			continue
		}
		p.mu.Lock()
		answer := p.pending[head.ID]
		delete(p.pending, head.ID)
		p.mu.Unlock()
		if answer != nil {
			answer <- response{ok: head.OK, err: head.Error}
		}
	}
	if err := lines.Err(); err != nil {
		p.t.Errorf("nodetest: %v", err)
	}
}

// stop closes stdin, which ends the program, and kills it after a timeout.
func (p *Process) stop(cmd *exec.Cmd) {
	_ = p.stdin.Close()
	kill := time.AfterFunc(Timeout, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	<-p.ended // all output is read before Wait closes the pipe
	if err := cmd.Wait(); err != nil {
		p.t.Errorf("nodetest: the Node program: %v\n%s", err, p.stderr.String())
	}
	if p.t.Failed() && p.stderr.String() != "" {
		p.t.Logf("stderr of the Node program:\n%s", p.stderr.String())
	}
}
