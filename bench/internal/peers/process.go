package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/load"
	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
)

const startWithin = 20 * time.Second

// Pins are the cores of the server and the client.
type Pins struct{ Server, Client int }

// Process is a peer that runs.
type Process struct {
	cmd    *exec.Cmd
	server load.Server
}

func versionOf(manifest []byte) (string, error) {
	var m struct {
		Version string `json:"version"`
	}
	err := json.Unmarshal(manifest, &m)
	return m.Version, err
}

// Start runs the peer until Stop or the end of ctx. With pins, it runs on the
// server's core only; the calling thread is left on the client's.
func (b Built) Start(ctx context.Context, pins *Pins) (*Process, error) {
	cmd := exec.CommandContext(ctx, b.program, b.args...) //nolint:gosec // built by Build
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(cmd, pins); err != nil {
		return nil, fmt.Errorf("starting %s: %w", b.Name, err)
	}
	p := &Process{cmd: cmd}
	at, err := ready(stdout)
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("starting %s: %w", b.Name, err)
	}
	p.server = load.Server{Protocol: b.Protocol, Mixed: b.Mixed, Addr: at.Addr, PID: cmd.Process.Pid}
	if at.Stats != "" {
		p.server.Goroutines = func() (int, error) { return goroutines(ctx, at.Stats) }
	}
	return p, nil
}

// startOn starts a process that inherits the core of the thread.
func startOn(cmd *exec.Cmd, pins *Pins) error {
	if pins == nil {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := proc.PinThread(pins.Server); err != nil {
		return err
	}
	err := cmd.Start()
	return errors.Join(err, proc.PinThread(pins.Client))
}

func ready(stdout io.ReadCloser) (at serve.Ready, err error) {
	// Closing ends the read below.
	late := time.AfterFunc(startWithin, func() { _ = stdout.Close() })
	defer late.Stop()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return at, fmt.Errorf("it did not report its address: %w", err)
	}
	if err := json.Unmarshal(line, &at); err != nil || at.Addr == "" {
		return at, fmt.Errorf("it said %q where its address was expected", line)
	}
	return at, nil
}

// Server is how the load generator reaches it.
func (p *Process) Server() load.Server { return p.server }

// Stop ends the process and waits until it is gone.
func (p *Process) Stop() {
	_ = p.cmd.Process.Kill() // it may have ended on its own
	_ = p.cmd.Wait()         // killed, as it should
}

func goroutines(ctx context.Context, addr string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/stats", http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Close = true // or the server keeps a goroutine for the connection
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	var s serve.Stats
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		return 0, fmt.Errorf("the answer of /stats: %w", err)
	}
	return s.Goroutines, nil
}
