package inspect_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
)

// load is how many messages a second, and for how many seconds: 2,000 and 1, or those of INSPECT_LOAD, such as 10000x5.
func load(t *testing.T) (rate, seconds int) {
	t.Helper()
	rate, seconds = 2000, 1
	if text := os.Getenv("INSPECT_LOAD"); text != "" {
		a, b, _ := strings.Cut(text, "x")
		var err error
		if rate, err = strconv.Atoi(a); err == nil {
			seconds, err = strconv.Atoi(b)
		}
		if err != nil {
			t.Fatalf("INSPECT_LOAD=%s: %v", text, err)
		}
	}
	return rate, seconds
}

// Under many messages an open page stays alive, the application loses none of them, and needs little more memory.
func TestLoad(t *testing.T) {
	rate, seconds := load(t)
	const senders = 10
	b := browsertest.Start(t)
	a, page := start(t)
	var counted *store
	for _, s := range module.Find[*store](a.App().Modules()) {
		counted = s
	}
	all := clients(t, a, senders)
	p := open(t, b, page)
	show(p, "messages", "Messages")
	all[0].Call("echo", "first")
	p.WaitText("#log li", "echo")
	before := heap()
	started := time.Now()
	var group sync.WaitGroup
	for _, c := range all {
		group.Go(func() { sendAt(c, rate/senders, seconds) })
	}
	group.Wait()
	sent := int64(rate / senders * senders * seconds)
	testkit.Eventually(t, "all messages", func() bool { return counted.counted.Load() == sent })
	took := time.Since(started)
	p.WaitText("#count", "skipped")
	p.Fill("#filter", "event:echo after")
	all[0].Call("echo", "after all")
	p.WaitText("#log li", "after all")
	show(p, "overview", "Overview")
	p.WaitText(".stat", "10")
	if grown := heap() - before; grown > 5<<20 {
		t.Errorf("%d bytes of heap more than before", grown)
	} else {
		t.Logf("%d messages in %v, %d KiB of heap more", sent, took.Round(time.Millisecond), grown>>10)
	}
}

// sendAt sends messages at a rate.
func sendAt(c *apptest.Client, rate, seconds int) {
	const steps = 50 // a second
	tick := time.NewTicker(time.Second / steps)
	defer tick.Stop()
	for n := 0; n < rate*seconds; {
		<-tick.C
		for range min(rate/steps, rate*seconds-n) {
			c.Emit("count", "a message of some bytes")
			n++
		}
	}
}

// heap returns the live heap, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers and pools have held
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
