package hub

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// perGoroutine is to how many clients one goroutine sends at a time.
const perGoroutine = 256

// Each calls send for every client, on several cores when they are many.
func Each[M any](clients []M, send func(M)) {
	if len(clients) <= perGoroutine {
		for _, c := range clients {
			send(c)
		}
		return
	}
	var next atomic.Int64
	work := func() {
		for {
			from := int(next.Add(perGoroutine)) - perGoroutine
			if from >= len(clients) {
				return
			}
			for _, c := range clients[from:min(from+perGoroutine, len(clients))] {
				send(c)
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(clients)+perGoroutine-1)/perGoroutine) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}
