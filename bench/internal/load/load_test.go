package load

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer returns the answers to message n, from 0, of a connection; nil ends the
// connection.
type answer func(n int, msg []byte) [][]byte

func honest(_ int, msg []byte) [][]byte { return [][]byte{msg} }

// start runs a server of the raw protocol.
func start(t *testing.T, a answer) Server {
	t.Helper()
	ln, err := serve.Listen()
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() { converse(c, a) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		running.Wait()
	})
	return Server{Protocol: wire.Raw, Addr: ln.Addr().String(), PID: os.Getpid()}
}

func converse(c net.Conn, a answer) {
	defer func() { _ = c.Close() }()
	for n := 0; ; n++ {
		var head [4]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		msg := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(c, msg); err != nil {
			return
		}
		answers := a(n, msg)
		if answers == nil {
			return
		}
		var out []byte
		for _, m := range answers {
			out = wire.Raw.Append(out, m)
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

func short() Timing {
	return Timing{Warmup: 20 * time.Millisecond, Duration: 100 * time.Millisecond, Settle: 10 * time.Millisecond, Drain: 300 * time.Millisecond}
}

func TestHonestServer(t *testing.T) {
	for _, w := range []Work{
		{Name: "echo", Kind: Echo, Conns: 4, InFlight: 1, Size: 64},
		{Name: "deep", Kind: Echo, Conns: 4, InFlight: 8, Size: 4096},
		{Name: "rate", Kind: Echo, Conns: 4, InFlight: 1, Size: 64, Rate: 1000},
		{Name: "connect", Kind: Connect, Conns: 4, Size: 64},
		{Name: "idle", Kind: Idle, Conns: 70, Size: 64},
	} {
		t.Run(w.Name, func(t *testing.T) {
			res, err := Run(t.Context(), start(t, honest), w, short())
			if err != nil {
				t.Fatal(err)
			}
			if !res.OK() || len(res.Faults) > 0 || res.LeftOpen > 0 {
				t.Errorf("lost %d, wrong %d, broken %d, left open %d: %q", res.Lost, res.Wrong, res.Broken, res.LeftOpen, res.Faults)
			}
			if res.Checked == 0 || res.Count == 0 || res.Latency.Count() != res.Count {
				t.Errorf("checked %d, counted %d, latencies of %d", res.Checked, res.Count, res.Latency.Count())
			}
			switch w.Kind {
			case Idle:
				if res.Count != uint64(w.Conns) || res.Memory.Before == 0 || res.Memory.AfterEcho == 0 {
					t.Errorf("%d echoes, %+v", res.Count, res.Memory)
				}
			default:
				if res.ServerCPU <= 0 || res.Elapsed < short().Duration || res.CPUEach() <= 0 {
					t.Errorf("%v of CPU in %v, %v each", res.ServerCPU, res.Elapsed, res.CPUEach())
				}
			}
		})
	}
}

// Each server does one thing wrong, and the run has to see it.
func TestFaultsAreSeen(t *testing.T) {
	const bad = 9
	var held []byte
	for name, c := range map[string]struct {
		answer   answer
		inFlight int
		count    func(*Result) uint64
		says     string
	}{
		"lost": {func(n int, msg []byte) [][]byte {
			if n == bad {
				return [][]byte{}
			}
			return [][]byte{msg}
		}, 1, func(r *Result) uint64 { return r.Lost }, "never came"},
		"wrong": {func(n int, msg []byte) [][]byte {
			if n == bad {
				msg[len(msg)-5] ^= 1
			}
			return [][]byte{msg}
		}, 4, func(r *Result) uint64 { return r.Wrong }, "not what was sent"},
		"doubled": {func(n int, msg []byte) [][]byte {
			if n == bad {
				return [][]byte{msg, msg}
			}
			return [][]byte{msg}
		}, 1, func(r *Result) uint64 { return r.Wrong }, "nothing was due"},
		"out of order": {func(n int, msg []byte) [][]byte {
			switch n {
			case bad:
				held = msg
				return [][]byte{}
			case bad + 1:
				return [][]byte{msg, held}
			}
			return [][]byte{msg}
		}, 4, func(r *Result) uint64 { return r.Wrong }, "not what was sent"},
		"of another": {func(n int, msg []byte) [][]byte {
			if n == bad {
				i := bytes.Index(msg, []byte(`"seq":1`)) + len(`"seq":1`)
				msg[i] ^= 1 // the number of the connection
			}
			return [][]byte{msg}
		}, 4, func(r *Result) uint64 { return r.Wrong }, "not what was sent"},
	} {
		t.Run(name, func(t *testing.T) {
			w := Work{Name: name, Kind: Echo, Conns: 1, InFlight: c.inFlight, Size: 64}
			res, err := runBounded(t, start(t, c.answer), w)
			if err != nil {
				t.Fatal(err)
			}
			if res.OK() || c.count(res) == 0 {
				t.Errorf("not seen: lost %d, wrong %d, broken %d", res.Lost, res.Wrong, res.Broken)
			}
			if !strings.Contains(strings.Join(res.Faults, "\n"), c.says) {
				t.Errorf("faults %q do not say %q", res.Faults, c.says)
			}
		})
	}
}

func TestBrokenConnectionIsSeen(t *testing.T) {
	closing := func(n int, msg []byte) [][]byte {
		if n == 9 {
			return nil
		}
		return [][]byte{msg}
	}
	_, err := runBounded(t, start(t, closing), Work{Name: "echo", Kind: Echo, Conns: 3, InFlight: 1, Size: 64})
	if err == nil || !strings.Contains(err.Error(), "broke") {
		t.Errorf("error %v", err)
	}
}

func runBounded(t *testing.T, s Server, w Work) (*Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return Run(ctx, s, w, short())
}

func TestNobodyListens(t *testing.T) {
	ln, err := serve.Listen()
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	s := Server{Protocol: wire.Raw, Addr: ln.Addr().String(), PID: os.Getpid()}
	for _, k := range []Kind{Echo, Connect, Idle, Broadcast} {
		if _, err := runBounded(t, s, Work{Name: "none", Kind: k, Conns: 2, InFlight: 1, Size: 64}); err == nil {
			t.Errorf("kind %d: no error", k)
		}
	}
}

func TestLoadStaysOnThisMachine(t *testing.T) {
	s := Server{Protocol: wire.Plain, Addr: "192.0.2.1:80", PID: os.Getpid()}
	_, err := Run(t.Context(), s, Work{Kind: Echo, Conns: 1, InFlight: 1, Size: 64}, short())
	if err == nil || !strings.Contains(err.Error(), "this machine only") {
		t.Errorf("error %v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, start(t, honest), Work{Kind: Echo, Conns: 1, InFlight: 1, Size: 64}, short())
	if err == nil {
		t.Error("no error")
	}
}
