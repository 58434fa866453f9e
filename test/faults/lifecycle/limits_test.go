package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

// TestConnectionsOfAProcess: by default connections use 80 % of the process's file descriptors, and further ones are
// refused with 503 while descriptors are left to do so.
func TestConnectionsOfAProcess(t *testing.T) {
	const files, most = 64, 51
	p := subprocess.Start(t, subprocess.Settings{Files: files})
	for range most {
		rawpeer.Open(t, p.Addr, "/ws")
	}
	for range 2 * most {
		c := rawpeer.Dial(t, p.Addr)
		c.Write(rawpeer.Upgrade("/ws"))
		if a := c.Answer(); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Fatalf("answered %d %v", a.Status, a.Header)
		}
		c.Close()
	}
	p.Signal(syscall.SIGTERM)
	p.Wait()
}

// TestFault_F70_NoFileDescriptors: A process with app.MaxConnections(-1) and 64 file descriptors gets 100
// connections: the accepted ones are still served, the others wait, and are accepted when descriptors are free again.
func TestFault_F70_NoFileDescriptors(t *testing.T) {
	const most, callers = 64, 100
	p := subprocess.Start(t, subprocess.Settings{Files: most, Connections: -1, Level: slog.LevelDebug})
	first := rawpeer.Open(t, p.Addr, "/ws")
	rawpeer.EchoWS(t, first, "before")
	var waiting []*rawpeer.Peer
	for range callers {
		c := rawpeer.Dial(t, p.Addr)
		c.Write(rawpeer.Upgrade("/ws"))
		waiting = append(waiting, c)
	}
	in := make(chan *rawpeer.Peer, callers)
	var all sync.WaitGroup
	for _, c := range waiting {
		all.Go(func() {
			if a, err := c.TryAnswer(); err != nil || a.Status != http.StatusSwitchingProtocols {
				t.Errorf("a connection that waited: %d, %v", a.Status, err)
			}
			in <- c
		})
	}
	p.WantStderr("too many open files")
	rawpeer.EchoWS(t, first, "meanwhile")
	for served := range callers { // each one that is served leaves, so that the next is accepted
		testkit.Receive(t, fmt.Sprintf("the connection after %d of %d", served, callers), in).Close()
	}
	all.Wait()
	rawpeer.AliveWS(t, p.Addr, "/ws")
	rawpeer.AliveSocketIO(t, p.Addr)
	first.Close()
	p.Signal(syscall.SIGTERM)
	if end := p.Wait(); end.Status != 0 || end.Counts.Connects != end.Counts.Disconnects {
		t.Errorf("ended with %+v", end)
	}
}

// TestFault_F75_LittleMemory: A process whose memory limit is 64 MiB (GOMEMLIMIT) gets large messages from 50 clients
// at once: each gets its own bytes back, the memory stays near the limit, and the process is alive.
func TestFault_F75_LittleMemory(t *testing.T) {
	const limit, clients, times, size = 64 << 20, 50, 12, 64 << 10
	p := subprocess.Start(t, subprocess.Settings{Memory: limit})
	texts := make([]string, clients)
	peers := make([]*rawpeer.Peer, clients)
	for i := range clients {
		peers[i] = rawpeer.Open(t, p.Addr, "/ws")
		texts[i] = strings.Repeat(fmt.Sprintf("%04d", i), size/4)
	}
	var all sync.WaitGroup
	for i, c := range peers {
		all.Go(func() {
			ask, want := fmt.Sprintf(`{"event":"echo","id":1,"data":%q}`, texts[i]), fmt.Sprintf(`{"id":1,"data":%q}`, texts[i])
			for range times {
				if err := c.TrySend(ask); err != nil {
					t.Error(err)
					return
				}
				if got, err := c.TryText(); err != nil || got != want {
					t.Errorf("got %.50q, %v, want the client's own text", got, err)
					return
				}
			}
		})
	}
	all.Wait()
	var answer struct{ Data int64 }
	used := func() int64 {
		peers[0].Send(`{"event":"memory","id":2,"data":0}`)
		if err := json.Unmarshal([]byte(peers[0].Text()), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Data
	}
	// The limit is soft: the runtime collects more often to keep it, and returns memory a moment later.
	if !testkit.Within(testkit.Patience, func() bool { n := used(); return n > 0 && n <= limit*5/4 }) {
		t.Errorf("the process has %d bytes, the limit is %d", answer.Data, limit)
	}
	rawpeer.AliveWS(t, p.Addr, "/ws")
	p.Signal(syscall.SIGTERM)
	if end := p.Wait(); end.Status != 0 {
		t.Errorf("ended with %+v", end)
	}
}
