package memory_test

import (
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/backplanetest"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

func TestConformance(t *testing.T) {
	for name, opts := range map[string][]memory.Option{
		"default": nil, "loopback": {memory.Loopback()}, "limit": {memory.MaxBytes(64 << 10)},
		"log": {memory.Log(0)},
	} {
		t.Run(name, func(t *testing.T) {
			backplanetest.Run(t, func(testing.TB) backplanetest.Factory { return factory(memory.NewBus(opts...)) })
		})
	}
}

// factory makes nodes of a bus.
func factory(bus *memory.Bus) backplanetest.Factory {
	var mu sync.Mutex
	var nodes []*memory.Backplane
	each := func(f func(*memory.Backplane)) func() {
		return func() {
			mu.Lock()
			defer mu.Unlock()
			for _, n := range nodes {
				f(n)
			}
		}
	}
	return backplanetest.Factory{
		New: func() backplane.Backplane {
			mu.Lock()
			defer mu.Unlock()
			if bus.HasLog() {
				n := bus.LogNode()
				nodes = append(nodes, n.Backplane)
				return n
			}
			nodes = append(nodes, bus.Node())
			return nodes[len(nodes)-1]
		},
		Forget: bus.FlushLog, Trim: func() { bus.TrimLog(0) },
		Down: bus.Down, Up: bus.Up,
		Freeze: each((*memory.Backplane).Freeze), Thaw: each((*memory.Backplane).Thaw),
	}
}
