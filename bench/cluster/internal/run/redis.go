package run

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// redis is a redis-server that keeps nothing.
type redis struct {
	cmd  *exec.Cmd
	addr string
}

// startRedis runs a redis-server on a free port.
func startRedis(ctx context.Context) (*redis, error) {
	program, err := exec.LookPath(cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server"))
	if err != nil {
		return nil, fmt.Errorf("%w: run `scripts/setup redis`, or set REDIS_SERVER", err)
	}
	// Another program may take the port meanwhile.
	for range 3 {
		var r *redis
		if r, err = tryRedis(ctx, program, ""); err == nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("starting redis-server: %w", err)
}

// restart runs a redis-server, which has ended, again at the same address.
func (r *redis) restart(ctx context.Context) error {
	for end := time.Now().Add(answerWithin); ; {
		fresh, err := tryRedis(ctx, r.cmd.Path, r.addr)
		switch {
		case err == nil:
			*r = *fresh
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(end): // a connection of another program may have had the port
			return fmt.Errorf("starting redis-server again at %s: %w", r.addr, err)
		}
	}
}

// tryRedis starts one at an address, by default a free one.
func tryRedis(ctx context.Context, program, addr string) (_ *redis, err error) {
	if addr == "" {
		if addr, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.CommandContext(ctx, program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no") //nolint:gosec // redis-server
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(answerWithin, func() { _ = out.Close() })
	defer late.Stop()
	r := &redis{cmd, addr}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			return r, nil // it writes nothing more until its end
		}
	}
	r.stop()
	return nil, errors.New("it ended before it was ready")
}

func freeAddress() (string, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (r *redis) stop() {
	_ = r.cmd.Process.Kill() // it may have ended
	_ = r.cmd.Wait()         // killed, as it should
}
