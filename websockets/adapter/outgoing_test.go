package adapter_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Frame builds once for each key, however many goroutines ask at the same time.
func TestFrameBuildsOnce(t *testing.T) {
	errBuild := errors.New("build failed")
	for range 100 {
		o := adapter.NewOutgoing("news", map[string]int{"n": 1})
		var built [3]atomic.Int32
		var ready, all sync.WaitGroup
		ready.Add(1)
		for range 8 {
			all.Go(func() {
				ready.Wait()
				for key := range built {
					v, err := o.Frame(key, key == 1, func(event string, p websockets.Payload) (any, error) {
						built[key].Add(1)
						if key == 2 {
							return nil, errBuild
						}
						return event + string(p.JSON), nil
					})
					if key == 2 && !errors.Is(err, errBuild) {
						t.Errorf("key 2: %v, want the error of build", err)
					} else if key != 2 && (err != nil || v != `news{"n":1}`) {
						t.Errorf("key %d: %v, %v", key, v, err)
					}
				}
				if p, err := o.Payload(true); err != nil || string(p.JSON) != `{"n":1}` {
					t.Errorf("payload: %s, %v", p.JSON, err)
				}
			})
		}
		ready.Done()
		all.Wait()
		for key := range built {
			if n := built[key].Load(); n != 1 {
				t.Fatalf("key %d was built %d times", key, n)
			}
		}
	}
}

// BenchmarkFrame is what the clients of a broadcast cost each other: run it with -cpu 1,2,4.
func BenchmarkFrame(b *testing.B) {
	o := adapter.NewOutgoing("news", "hi")
	var key any = "key"
	build := func(_ string, p websockets.Payload) (any, error) { return &p, nil }
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := o.Frame(key, true, build); err != nil {
				b.Error(err)
			}
		}
	})
}
