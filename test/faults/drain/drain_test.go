package drain_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

// TestFault_F71_Drain: A process with thousands of clients gets SIGTERM while many of them wait for answers: every
// client is closed properly (WebSockets with code 1001, polls with a close packet, and Socket.IO without DISCONNECT,
// so that clients reconnect), all handlers and HandleDisconnect finish within the stop timeout, the process exits
// with 0, and answers that clients received and effects of handlers match exactly.
func TestFault_F71_Drain(t *testing.T) {
	const busy, polls, much, timeout = 50, 50, 2000, 15 * time.Second
	n := clients()
	subprocess.RaiseFiles(t, 2*n+polls+101)
	p := subprocess.Start(t, subprocess.Settings{StopTimeout: timeout})
	c := gather(t, p.Addr, n)
	pollersTold := polling(t, p.Addr, polls)
	c.askMuch(much)
	asking := rawpeer.Open(t, p.Addr, "/ws")
	testkit.Eventually(t, "all requested answers are queued", func() bool {
		asking.Send(`{"event":"effects","id":1,"data":0}`)
		return asking.Text() == fmt.Sprintf(`{"id":1,"data":%d}`, 2*much)
	})
	asking.Reset()
	c.listen(busy)
	testkit.Eventually(t, "the busy ones have answers", func() bool { return c.acks.Load() > 10*busy })
	started := time.Now()
	p.Signal(syscall.SIGTERM)
	p.WantLine("stopping")
	close(c.stopping)
	acks := c.wantClosed(t)
	pollersTold()
	closed := time.Since(started)
	end := p.Wait()
	t.Logf("%d clients: closed within %v, %v between the first and the last; %d answers", len(c.members), closed.Round(time.Millisecond),
		c.spread().Round(time.Millisecond), acks)
	if closed > timeout {
		t.Errorf("the last one was closed after %v, want within the stop timeout, %v", closed, timeout)
	}
	if end.Status != 0 || end.Counts == nil {
		t.Fatalf("the process ended with %+v", end)
	}
	if want := int64(len(c.members) + polls + 1); end.Counts.Connects != want || end.Counts.Disconnects != want {
		t.Errorf("%+v, want HandleConnection and HandleDisconnect once for each of %d", *end.Counts, want)
	}
	if end.Counts.Effects != acks {
		t.Errorf("%d answers and %d effects", acks, end.Counts.Effects)
	}
}

// TestFault_F72_SecondSignal: A process whose stop waits for a handler that never returns gets a second signal: it
// exits at once, by that signal, and closes its clients' connections.
func TestFault_F72_SecondSignal(t *testing.T) {
	for name, first := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			p := subprocess.Start(t, subprocess.Settings{StopTimeout: time.Hour})
			c := gather(t, p.Addr, 20)
			c.members[0].Send(`{"event":"stuck","data":0}`)
			c.members[1].Send(`42["stuck",0]`)
			c.listen(0)
			p.WantLine("stuck")
			p.WantLine("stuck")
			p.Signal(first)
			p.WantLine("stopping")
			testkit.Eventually(t, "the others are closed", func() bool { return c.left.Load() == int64(len(c.members))-2 })
			p.Signal(syscall.SIGTERM)
			if end := p.Wait(); end.Signal != syscall.SIGTERM || end.Counts != nil {
				t.Errorf("ended with %+v, want the signal and no further hook", end)
			}
			c.over.Wait()
			for _, m := range c.members[:2] {
				if m.err == nil {
					t.Errorf("a client of a stuck handler got %d %q", m.code, m.text)
				}
			}
		})
	}
}
