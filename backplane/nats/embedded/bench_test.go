package embedded_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
)

// BenchmarkStart starts a node that joins another, and stops it.
func BenchmarkStart(b *testing.B) {
	first := startNode(b, 1)
	for b.Loop() {
		e := newEngine(embedded.Peers(addr(first)))
		n := newNode(b, 2, e)
		if err := e.Start(b.Context(), backplane.Node{ID: n.id}, n); err != nil {
			b.Fatal(err)
		}
		if err := e.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSend sends batches of events of 200 bytes to another node.
func BenchmarkSend(b *testing.B) {
	for _, kind := range []string{"nats", "embedded"} {
		for _, size := range []int{1, 64} {
			b.Run(fmt.Sprint(kind, "/", size), func(b *testing.B) {
				next := kinds()[kind](b)
				from, to := newNode(b, 1, next()).start(), newNode(b, 2, next()).start()
				batch := make([]*backplane.Message, size)
				sent := 0
				for b.Loop() {
					for i := range batch {
						batch[i] = from.message("x")
						batch[i].Body = make([]byte, 200)
					}
					if err := from.engine.Send(context.Background(), batch); err != nil {
						b.Fatal(err)
					}
					sent += size
				}
				b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "msg/s")
				to.wait("all", func() bool { return len(to.received[from.id]) == sent })
			})
		}
	}
}
