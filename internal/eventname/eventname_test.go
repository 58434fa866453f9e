package eventname_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/eventname"
)

func TestGet(t *testing.T) {
	var c eventname.Cache
	long := strings.Repeat("x", eventname.MaxKept+1)
	for range 2 {
		for _, name := range []string{"", "a", "chat.post", "tsop.tahc", "é", long, long[1:]} {
			b := []byte(name)
			got := c.Get(b)
			clear(b)
			if got != name {
				t.Errorf("%q, want %q", got, name)
			}
			if got := (*eventname.Cache)(nil).Get([]byte(name)); got != name {
				t.Errorf("without a cache: %q, want %q", got, name)
			}
		}
	}
}

func TestKept(t *testing.T) {
	var c eventname.Cache
	post := []byte("chat.post")
	c.Get(post)
	if n := testing.AllocsPerRun(100, func() { c.Get(post) }); n != 0 {
		t.Errorf("%v allocations for a name that is kept", n)
	}
}

// Names that want the same place are those that were asked for.
func TestConcurrent(t *testing.T) {
	var c eventname.Cache
	var all sync.WaitGroup
	for _, name := range []string{"axb", "axb", "ayb", "a1xb"} {
		all.Go(func() {
			for range 10_000 {
				if got := c.Get([]byte(name)); got != name {
					t.Errorf("%q, want %q", got, name)
					return
				}
			}
		})
	}
	all.Wait()
}
