package ratelimit

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

func (t *table) takes(text string) bool {
	_, ok := t.take(textKey(text))
	return ok
}

// check compares the list with the map.
func (t *table) check(tb testing.TB) {
	tb.Helper()
	n := 0
	for e := t.sentinel.next; e != &t.sentinel; e = e.next {
		if t.entries[e.key] != e || e.next.prev != e {
			tb.Fatalf("the list is broken at %v", e.key)
		}
		n++
	}
	if n != len(t.entries) || n > t.max {
		tb.Fatalf("%d in the list, %d in the map, at most %d", n, len(t.entries), t.max)
	}
}

func TestFullBucketsAreEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(newRule(1, 2), 1000)
		for i := range 100 {
			table.takes(fmt.Sprint(i))
		}
		if len(table.entries) != 100 {
			t.Fatalf("%d keys in the table", len(table.entries))
		}
		pass(time.Second)
		for i := range 99 { // each new key evicts two
			table.takes(fmt.Sprint("new ", i))
		}
		table.check(t)
		if len(table.entries) != 99 {
			t.Errorf("%d keys in the table, want the 99 whose buckets are not full", len(table.entries))
		}
	})
}

func TestBusyBucketsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(newRule(1, 2), 1000)
		table.takes("busy")
		table.takes("busy")
		pass(time.Second)
		table.takes("other")
		if !table.takes("busy") || table.takes("busy") {
			t.Error("the busy key was evicted")
		}
	})
}

func TestFullTableEvictsLeastRecentlyUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := newTable(newRule(1, 1), 3)
		for _, k := range []string{"a", "b", "c"} {
			if !table.takes(k) {
				t.Fatal(k)
			}
		}
		if table.takes("a") { // rejected, but used
			t.Error("a is allowed")
		}
		if !table.takes("d") {
			t.Error("a new key is rejected because the table is full")
		}
		table.check(t)
		if table.takes("a") || table.takes("c") || table.takes("d") {
			t.Error("a key other than the least recently used was evicted")
		}
		if !table.takes("b") {
			t.Error("the least recently used key was not evicted")
		}
		table.check(t)
	})
}

func TestOneKey(t *testing.T) {
	table := newTable(newRule(0, 1), 1)
	for _, k := range []string{"a", "b", "a"} {
		if !table.takes(k) || table.takes(k) {
			t.Errorf("%s", k)
		}
		table.check(t)
	}
}

// A key that is a substring of a message does not keep the message in memory.
func TestKeyIsCopied(t *testing.T) {
	table := newTable(newRule(1, 1), 10)
	message := strings.Repeat("lobby", 1000)
	table.takes(message[:5])
	for k := range table.entries {
		if unsafe.StringData(k.text) == unsafe.StringData(message) {
			t.Error("the table keeps the message in memory")
		}
	}
}

// A million addresses need no more memory than MaxKeys.
func TestMemoryIsBounded(t *testing.T) {
	const maxKeys, addresses = 10_000, 1_000_000
	guard := Connections(rate.Every(time.Hour), 5, MaxKeys(maxKeys))
	call := &pipeline.Call{Kind: pipeline.KindConnect, Request: &http.Request{}}
	before := heap()
	for i := range uint32(addresses) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], i+1<<24)
		call.Request.RemoteAddr = netip.AddrPortFrom(netip.AddrFrom4(a), 5000).String()
		if err := guard.Check(context.Background(), call); err != nil {
			t.Fatalf("a new address: %v", err)
		}
	}
	perKey := (int64(heap()) - int64(before)) / maxKeys
	t.Logf("%d bytes for each of %d keys", perKey, maxKeys)
	if perKey > 512 { // without a bound some 25,000
		t.Errorf("%d bytes for each key, after %d addresses", perKey, addresses)
	}
	if err := guard.Check(context.Background(), call); err != nil {
		t.Errorf("the last address: %v", err)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkTableNewKeys(b *testing.B) {
	table := newTable(newRule(1, 5), 10_000)
	var a [4]byte
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint32(a[:], uint32(i))
		table.take(key{addr: netip.AddrFrom4(a)})
	}
}
