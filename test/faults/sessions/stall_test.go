//go:build unix

package sessions_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// stallServer makes the test binary a server of that platform.
const stallServer = "GATEHOUSE_STALL_SERVER"

// stalled is a client that answers a heartbeat while its server is stopped.
type stalled struct {
	await  func() // waits for the ping
	answer func()
	served func() error
}

// TestFault_F47_StalledProcess: A server that was stopped for longer than the heartbeat timeout, as by a pause of its
// virtual machine, reads the answers that arrived meanwhile before it closes clients, and keeps them all.
func TestFault_F47_StalledProcess(t *testing.T) {
	const timeout = 6 * time.Second
	if platform := os.Getenv(stallServer); platform != "" {
		adapter := adapter.Adapter(ws.New())
		if platform == "socketio" {
			adapter = socketIO()
		}
		s := stage.New(t, adapter, stage.Limits(websockets.Limits{PingInterval: 2 * time.Second, PingTimeout: timeout}))
		_, _ = io.WriteString(os.Stdout, "serving "+s.Addr+"\n")
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent has finished
		return
	}
	for name, open := range map[string]func(t *testing.T, addr string) stalled{
		"ws": stalledPlain, "socketio": stalledSocket, "polling": stalledPoller,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platform := "socketio"
			if name == "ws" {
				platform = "ws"
			}
			addr, child := stallable(t, platform)
			clients := make([]stalled, 30)
			for i := range clients {
				clients[i] = open(t, addr)
			}
			for _, c := range clients {
				c.await()
			}
			if err := child.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			for _, c := range clients {
				c.answer()
			}
			<-time.After(timeout + timeout/2)
			if err := child.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			lost, last := 0, error(nil)
			for _, c := range clients {
				if err := c.served(); err != nil {
					lost, last = lost+1, err
				}
			}
			if lost > 0 {
				t.Errorf("%d of %d clients were closed although they had answered: %v", lost, len(clients), last)
			}
		})
	}
}

func stalledSocket(t *testing.T, addr string) stalled {
	t.Helper()
	c := rawpeer.NewEngine(t, addr).WebSocket()
	rawpeer.Enter(t, c, "/", "")
	return stalled{
		await:  func() { c.Peer.Want("2") },
		answer: func() { c.Send("3") },
		served: func() error {
			if err := c.TrySend(`421["echo","kept"]`); err != nil {
				return err
			}
			got, err := c.TryText()
			for err == nil && got == "2" {
				_ = c.TrySend("3")
				got, err = c.TryText()
			}
			if err == nil && got != `431["kept"]` {
				err = fmt.Errorf("got %q", got)
			}
			return err
		},
	}
}

func stalledPlain(t *testing.T, addr string) stalled {
	t.Helper()
	c := rawpeer.Open(t, addr, "/")
	var ping rawpeer.Received
	return stalled{
		await: func() {
			var err error
			if ping, err = c.Next(); err != nil || ping.First != rawpeer.Fin|rawpeer.OpPing {
				t.Fatalf("got %v, %v; want a ping", ping, err)
			}
		},
		answer: func() { c.Frame(rawpeer.Fin|rawpeer.OpPong, ping.Payload) },
		served: func() error {
			if err := c.TrySend(`{"event":"echo","data":"kept","id":1}`); err != nil {
				return err
			}
			got, err := c.TryText()
			if err == nil && got != `{"id":1,"data":"kept"}` {
				err = fmt.Errorf("got %q", got)
			}
			return err
		},
	}
}

func stalledPoller(t *testing.T, addr string) stalled {
	t.Helper()
	c := rawpeer.NewEngine(t, addr).Poll()
	rawpeer.Enter(t, c, "/", "")
	poll := c.Start(c.GetBytes())
	var post *rawpeer.Peer
	return stalled{
		await: func() {
			if a := poll.Answer(); a.Body != "2" {
				t.Fatalf("got %d %q, want a ping", a.Status, a.Body)
			}
		},
		answer: func() { post = c.Start(c.PostBytes("3")) },
		served: func() error {
			if a, err := post.TryAnswer(); err != nil || a.Body != "ok" {
				return fmt.Errorf("the pong was answered %d %.100s, %v", a.Status, a.Body, err)
			}
			a, err := c.TryDo(c.PostBytes(`421["echo","kept"]`))
			if err != nil || a.Body != "ok" {
				return fmt.Errorf("the event was answered %d %.100s, %v", a.Status, a.Body, err)
			}
			for !strings.Contains(a.Body, `431["kept"]`) {
				if a, err = c.TryDo(c.GetBytes()); err != nil || a.Status != http.StatusOK {
					return fmt.Errorf("the poll was answered %d %.100s, %v", a.Status, a.Body, err)
				}
				if strings.Contains(a.Body, "2") {
					_, _ = c.TryDo(c.PostBytes("3"))
				}
			}
			return nil
		},
	}
}

// stallable starts a server in a child process.
func stallable(t *testing.T, platform string) (addr string, child *os.Process) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFault_F47_StalledProcess$", "-test.timeout=100s")
	cmd.Env = append(os.Environ(), stallServer+"="+platform)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Cancel = func() error { return cmd.Process.Kill() }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the server did not start: %v", err)
		}
		if addr, ok := strings.CutPrefix(line, "serving "); ok {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return strings.TrimSpace(addr), cmd.Process
		}
	}
}
