package redis_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// counter counts frames.
type counter struct{ bytes atomic.Int64 }

func (c *counter) ReceiveFrame(_ string, frame []byte) bool {
	c.bytes.Add(int64(len(frame)))
	return true
}
func (*counter) Receive([]*backplane.Message) int { return 0 }
func (*counter) NoNode(*backplane.Message)        {}
func (*counter) Link(bool, bool, error)           {}

// BenchmarkSend sends messages of 200 bytes in batches, to one other node, which receives them all.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{1, 64, backplane.MaxBatch} {
		b.Run(fmt.Sprint("batches of ", size), func(b *testing.B) {
			server := redistest.Start(b)
			engines := make([]*redis.Engine, 2)
			in := &counter{}
			for i := range engines {
				engines[i] = redis.Native(redis.Address(server.Address))
				self := backplane.Node{ID: fmt.Sprintf("%016x", 0xff00+i)}
				if err := engines[i].Start(b.Context(), self, in); err != nil {
					b.Fatal(err)
				}
			}
			if err := engines[1].Interest(b.Context(), []string{backplane.ChannelEvents}, nil); err != nil {
				b.Fatal(err)
			}
			batch := make([]*backplane.Message, size)
			for i := range batch {
				batch[i] = &backplane.Message{Kind: backplane.Event, Origin: "000000000000ff00", Channel: backplane.ChannelEvents, Event: "e", Payload: backplane.Payload{JSON: fmt.Appendf(nil, `"%0180d"`, i)}}
			}
			started := time.Now()
			b.ReportAllocs()
			seq := uint64(0)
			for i := 0; i < b.N; i += size {
				for _, m := range batch {
					seq++
					m.Seq = seq
				}
				if err := engines[0].Send(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/time.Since(started).Seconds(), "msg/s")
			b.StopTimer()
			testkit.Eventually(b, "all have arrived", func() bool { return in.bytes.Load() >= int64(seq)*180 })
			for _, e := range engines {
				if err := e.Stop(b.Context()); err != nil {
					b.Error(err)
				}
			}
		})
	}
}
