//go:build unix

package cluster_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// ask has a node ask all for their clients.
func (n *processNode) ask(wait time.Duration) (a askedState) {
	n.t.Helper()
	n.Send("ask " + wait.String())
	if err := json.Unmarshal([]byte(strings.TrimPrefix(n.WantLine("asked "), "asked ")), &a); err != nil {
		n.t.Fatal(err)
	}
	return a
}

// freeze stops a process. Its threads stop one after the other.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "all threads have stopped", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid)) // none on other systems than Linux
		return !slices.ContainsFunc(threads, func(path string) bool {
			text, err := os.ReadFile(path)
			return err == nil && !strings.Contains(string(text), ") T ")
		})
	})
}

// TestFault_F82_FrozenProcess: A process of three is stopped (SIGSTOP) and another one asks all: Fetch has the clients of
// the other two and the stopped node in Unreachable, and Count is an error that names it, at the deadline, or as
// soon as the node counts as dead; when it goes on, all are counted again.
func TestFault_F82_FrozenProcess(t *testing.T) {
	const beat, dead = 500 * time.Millisecond, 8 * time.Second
	t.Run("nats/embedded", func(t *testing.T) { frozen(t, newTown(t, "", beat, dead)) })
	t.Run("redis", func(t *testing.T) { frozen(t, newTown(t, redistest.Start(t).Address, beat, dead)) })
}

func frozen(t *testing.T, w *town) {
	asker, still := w.nodes[0], w.nodes[2]
	id, total := still.state().ID, len(w.all)
	check := func(what string, a askedState, atMost time.Duration, unreachable ...string) {
		t.Helper()
		reached := total - total/3*len(unreachable)
		if a.Clients != reached || a.Counted != reached || !slices.Equal(a.Unreachable, unreachable) || a.CallLacks != len(unreachable) {
			t.Errorf("%s: %+v, want %d clients", what, a, reached)
		}
		if (a.CountError != "") != (len(unreachable) > 0) || len(unreachable) > 0 && !strings.Contains(a.CountError, id) {
			t.Errorf("%s: Count: %q", what, a.CountError)
		}
		slack := testkit.Patience / 3 // a loaded machine
		if os.Getenv("CLUSTER_LONG") != "" {
			slack = 100 * time.Millisecond
		}
		if took := max(a.FetchTook, a.CountTook, a.CallTook); took > atMost+slack {
			t.Errorf("%s: took %v, want %v at most", what, took, atMost)
		}
		t.Logf("%s: Fetch took %v, Count %v, Call %v", what, a.FetchTook, a.CountTook, a.CallTook)
	}
	check("all answer", asker.ask(testkit.Patience), time.Second)
	freeze(t, still.state().PID)
	const deadline = 2 * time.Second // the others answer within it, also on a loaded machine
	check("until the deadline", asker.ask(deadline), deadline, id)
	check("until the node is dead", asker.ask(testkit.Patience), w.dead+2*w.beat, id)
	still.Signal(syscall.SIGCONT)
	w.meet()
	// A connection of the node may be lost when it goes on, and a question with it.
	testkit.Within(testkit.Patience, func() bool {
		a := asker.ask(deadline)
		return a.Clients == total && a.CountError == "" && a.CallLacks == 0
	})
	check("again", asker.ask(testkit.Patience), time.Second)
	w.hear(10, w.nodes...)
	w.quiet()
	w.leave()
}
