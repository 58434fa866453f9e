package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// The environment of the server process of TestStorm.
const (
	serverAddress = "CLIENT_TEST_SERVER"
	serverRecord  = "CLIENT_TEST_RECORD"
)

// serveUntilKilled serves a kitchen that writes each number of once to a file, and the subject of the token of each client.
func serveUntilKilled(addr, record string) {
	file, err := os.OpenFile(record, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	k := newKitchen()
	k.once = func(n int) int {
		_, _ = fmt.Fprintln(file, n)
		return 1
	}
	k.enters = func(subject string) { _, _ = fmt.Fprintln(file, subject) }
	app.Main(moduleOf(k), app.HTTP(addr), app.Logger(slog.New(slog.DiscardHandler)))
	os.Exit(1)
}

// restarts is how often TestStorm kills the server, and calls how many calls are made meanwhile.
const (
	restarts = 20
	calls    = 1000
	each     = calls/(restarts+1) + 1 // calls from one restart to the next
)

// TestStorm: while the server is killed and restarts, each of 1,000 calls has its result, or fails because the connection was
// lost; the server handles none twice. Each attempt to connect has a token of its own.
func TestStorm(t *testing.T) {
	addr, record := testkit.FreeAddress(t), filepath.Join(t.TempDir(), "record")
	var stderr testkit.Log
	start := func() *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), os.Args[0])
		cmd.Env = append(os.Environ(), serverAddress+"="+addr, serverRecord+"="+record)
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	kill := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	server := start()
	defer func() { kill(server) }()
	var opened, attempts, tokens atomic.Int32
	c := dial(t, "ws://"+addr+"/vault", client.Options{
		FirstRetry: 10 * time.Millisecond, LongestRetry: 50 * time.Millisecond, Timeout: 2 * time.Minute,
		Token: func(context.Context) (string, error) {
			return sign(t, fmt.Sprint("attempt ", tokens.Add(1)), time.Hour), nil
		},
		OnState: func(s client.State, _ error) {
			switch s {
			case client.Open:
				opened.Add(1)
			case client.Connecting:
				attempts.Add(1)
			}
		},
	})
	var ended, lost atomic.Int32
	results := make([]string, calls)
	numbers := make(chan int, calls)
	half := make(chan bool, restarts+1) // receives when half of the calls since a restart have ended
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			for n := range numbers {
				times, err := Once.Call(t.Context(), c, n)
				switch {
				case err == nil && times == 1:
					results[n] = "resolved"
				case errors.Is(err, client.ErrDisconnected) && errors.Is(err, client.ErrUnanswered):
					results[n] = "lost"
					lost.Add(1)
				default:
					results[n] = fmt.Sprint(times, " ", err)
				}
				if ended.Add(1)%each == each/2 {
					half <- true
				}
			}
		})
	}
	for i := range restarts + 1 {
		for n := i * each; n < min(calls, (i+1)*each); n++ {
			numbers <- n
		}
		if i < restarts {
			testkit.Receive(t, "half of the calls", half)
			kill(server)
			server = start()
		}
	}
	close(numbers)
	callers.Wait()
	handled := map[string]int{}
	file, err := os.Open(record)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		handled[lines.Text()]++
	}
	for n, result := range results {
		switch times := handled[fmt.Sprint(n)]; {
		case times > 1:
			t.Errorf("call %d was handled %d times", n, times)
		case result == "resolved" && times != 1:
			t.Errorf("call %d is resolved, and was handled %d times", n, times)
		case result != "resolved" && result != "lost":
			t.Errorf("call %d: %s", n, result)
		}
	}
	eventually(t, "a connection to each server: "+stderr.String(), func() bool { return opened.Load() > restarts })
	accepted := 0
	for subject, times := range handled {
		if strings.HasPrefix(subject, "attempt ") {
			if accepted++; times > 1 {
				t.Errorf("the token of %s was sent %d times", subject, times)
			}
		}
	}
	if tokens.Load() != attempts.Load() || accepted <= restarts {
		t.Errorf("%d tokens for %d attempts, %d of them accepted", tokens.Load(), attempts.Load(), accepted)
	}
	t.Logf("%d calls, %d servers killed, %d attempts, %d connections, %d calls lost", calls, restarts, attempts.Load(), opened.Load(), lost.Load())
}
