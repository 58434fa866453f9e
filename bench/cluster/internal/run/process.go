package run

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
)

// answerWithin bounds a start, and the answer to a request.
const answerWithin = 60 * time.Second

// process is a node.
type process struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	stdout  io.Closer
	at      serve.Ready
	replies chan node.Reply // closed when it has ended
	err     error           // why, when replies is closed
}

// start runs a node until stop, or the end of ctx.
func start(ctx context.Context, name, program string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // this program, or Node with a script of this folder
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut, cmd.Start()); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, in: in, out: bufio.NewReader(out), stdout: out, replies: make(chan node.Reply, 256)}
	// Closing ends the read below.
	late := time.AfterFunc(answerWithin, func() { _ = out.Close() })
	err := p.line(&p.at)
	late.Stop()
	if err == nil && p.at.Addr == "" {
		err = errors.New("it reports no address")
	}
	go p.read(err)
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

func (p *process) line(v any) error {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("it wrote %q: %w", line, err)
	}
	return nil
}

// read passes on replies until the node ends.
func (p *process) read(err error) {
	defer close(p.replies)
	for err == nil {
		var r node.Reply
		if err = p.line(&r); err == nil {
			p.replies <- r
		}
	}
	p.err = err
}

// ask sends a request; reply has its answer.
func (p *process) ask(q node.Request) error {
	q.Pad = node.Pad
	line, err := json.Marshal(q)
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// reply waits for the next answer.
func (p *process) reply(ctx context.Context) (node.Reply, error) {
	late := time.NewTimer(answerWithin)
	defer late.Stop()
	select {
	case r, ok := <-p.replies:
		err := r.Err()
		if !ok {
			err = fmt.Errorf("it has ended: %w", p.err)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", p.name, err)
		}
		return r, nil
	case <-late.C:
		return node.Reply{}, fmt.Errorf("%s: no answer within %v", p.name, answerWithin)
	case <-ctx.Done():
		return node.Reply{}, ctx.Err()
	}
}

// do sends a request and waits for its answer.
func (p *process) do(ctx context.Context, q node.Request) (node.Reply, error) {
	if err := p.ask(q); err != nil {
		return node.Reply{}, err
	}
	return p.reply(ctx)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process and waits until it is gone.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.in.Close()
	for range p.replies { // until read has returned
	}
	_ = p.cmd.Wait() // killed, as it should
}
