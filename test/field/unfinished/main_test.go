// Package unfinished_test has clients that start something and never finish it: a frame, a message, a body, a packet.
package unfinished_test

import (
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	clients = 200
	// small is the limit for what a client holds that has sent a few bytes: their size class of 256 bytes, and what
	// belongs to them.
	small = 1 << 10
)

// wantHeld checks how much more of the heap each of many clients holds when it has done what open returns, compared with
// those of base, which may be nil. Other memory that is freed meanwhile spoils a measurement, which is repeated then.
func wantHeld(t *testing.T, most int64, open, base func() (act func())) {
	t.Helper()
	const noise = small / 4
	var got, least int64
	for range 5 {
		if base != nil {
			least = held(base)
		}
		if got = held(open) - least; least >= -noise && got >= -noise && got <= most {
			break
		}
	}
	t.Logf("%d bytes for each client, more than %d", got, least)
	if least < -noise || got < -noise || got > most {
		t.Errorf("each client holds %d bytes more than %d, want at most %d", got, least, most)
	}
}

func held(open func() (act func())) int64 {
	acts := make([]func(), clients)
	for i := range acts {
		acts[i] = open()
	}
	before := heap()
	for _, act := range acts {
		act()
	}
	n := (heap() - before) / clients
	runtime.KeepAlive(acts)
	return n
}

// heap returns the live heap after several collections, because pools survive one.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
