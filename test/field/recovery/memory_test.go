package recovery_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
)

func heap() int {
	runtime.GC()
	runtime.GC() // empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestField_X06_RecordHoldsWhatItCounts: Short events to single clients use no more memory than MaxBytes of each,
// although a text of three bytes holds much more than its bytes.
func TestField_X06_RecordHoldsWhatItCounts(t *testing.T) {
	const clients, events, most = 20, 3000, 64 << 10
	w := ways.Own()[0]
	s := newStage(t, w, &socketio.Recovery{MaxBytes: most})
	var all []*client
	for range clients {
		all = append(all, connect(t, s, w))
	}
	before := heap()
	for i := range events {
		for _, c := range all {
			c.emit(fmt.Sprint(i % 900))
		}
		for _, c := range all {
			c.want(fmt.Sprint(i % 900))
		}
	}
	held := heap() - before
	t.Logf("%d clients with %d KiB each hold %d KiB", clients, most>>10, held>>10)
	if held > clients*most*3/2 {
		t.Errorf("%d clients hold %d bytes, each may hold %d", clients, held, most)
	}
	for _, c := range all {
		c.cut()
		c.emit("missed")
		c.back(true, "missed")
	}
}

// TestField_X06_TotalOfAServer: What 60 absent clients of one address miss, 12 MB in all, uses no more memory than
// MaxTotalBytes, 4 MiB; they are not recovered, and the client of another address is.
func TestField_X06_TotalOfAServer(t *testing.T) {
	const clients, total = 60, 4 << 20
	w := ways.Own()[0]
	s := newStage(t, w, &socketio.Recovery{MaxTotalBytes: total}, proxied)
	quiet := connect(t, s, w, from("198.51.100.1"))
	quiet.emit("first")
	quiet.want("first")
	quiet.cut()
	var loud []*client
	for range clients {
		c := connect(t, s, w, from("203.0.113.7"))
		c.emit("first")
		c.want("first")
		c.cut()
		loud = append(loud, c)
	}
	before := heap()
	for i := range 200 {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000))
		for _, c := range loud {
			c.emit(text)
		}
	}
	if held := heap() - before; held > total*5/4 {
		t.Errorf("%d bytes are held, MaxTotalBytes is %d", held, total)
	}
	quiet.emit("second")
	quiet.back(true, "second")
	loud[0].back(false)
}
