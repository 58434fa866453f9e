package redis_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// used returns the CPU that a Redis has used.
func used(b *testing.B, s *redistest.Server) (d time.Duration) {
	b.Helper()
	for line := range strings.Lines(s.Do("INFO", "cpu")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "used_cpu_sys" && name != "used_cpu_user" {
			continue
		}
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil {
			b.Fatal(err)
		}
		d += time.Duration(seconds * float64(time.Second))
	}
	return d
}

// startCounting starts an engine with a log.
func startCounting(b *testing.B, server *redistest.Server, number int) (*redis.StreamsEngine, *logNode) {
	b.Helper()
	n := &logNode{self: backplane.Node{ID: fmt.Sprintf("%016x", 0xff00+number)}, events: map[string]int{}}
	e := redis.Streams(redis.Address(server.Address))
	if err := e.Start(b.Context(), n.self, n); err != nil {
		b.Fatal(err)
	}
	return e, n
}

// BenchmarkStreams appends messages of 200 bytes in batches; two nodes receive them all.
func BenchmarkStreams(b *testing.B) {
	for _, size := range []int{1, 64, backplane.MaxBatch} {
		b.Run(fmt.Sprint("batches of ", size), func(b *testing.B) {
			server := redistest.Start(b)
			one, first := startCounting(b, server, 0)
			two, second := startCounting(b, server, 1)
			batch := make([]*backplane.Message, size)
			for i := range batch {
				batch[i] = &backplane.Message{Kind: backplane.Event, Origin: first.self.ID, Channel: backplane.ChannelEvents, Event: "e", Payload: backplane.Payload{JSON: fmt.Appendf(nil, `"%0198d"`, i)}}
			}
			before, started := used(b, server), time.Now()
			b.ReportAllocs()
			seq := uint64(0)
			for i := 0; i < b.N; i += size {
				for _, m := range batch {
					seq++
					m.Seq = seq
				}
				if err := one.Send(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			for _, n := range []*logNode{first, second} {
				n.cond.Wait(testkit.Patience, func() bool { return n.last == n.base+seq })
			}
			b.ReportMetric(float64(seq)/time.Since(started).Seconds(), "msg/s")
			b.StopTimer()
			b.ReportMetric(float64((used(b, server)-before).Nanoseconds())/float64(seq), "redis-ns/msg")
			if memory, err := strconv.Atoi(server.Do("MEMORY", "USAGE", stream, "SAMPLES", "0")); err == nil {
				b.ReportMetric(float64(memory)/float64(min(seq, redis.DefaultMaxMessages)), "redis-B/msg")
			}
			for _, e := range []*redis.StreamsEngine{one, two} {
				if err := e.Stop(b.Context()); err != nil {
					b.Error(err)
				}
			}
		})
	}
}

// BenchmarkRecovery does for each client what its recovery asks of Redis: Take, Read of 10 events, and Save.
func BenchmarkRecovery(b *testing.B) {
	server := redistest.Start(b)
	e, n := startCounting(b, server, 0)
	value := make([]byte, 500)
	for i := range 10 {
		m := &backplane.Message{Kind: backplane.Event, Origin: n.self.ID, Seq: uint64(i + 1), Channel: backplane.ChannelEvents, Event: "e", Payload: backplane.Payload{JSON: fmt.Appendf(nil, `"%0198d"`, i)}}
		if err := e.Send(b.Context(), []*backplane.Message{m}); err != nil {
			b.Fatal(err)
		}
	}
	for i := range b.N {
		if _, err := e.Save(b.Context(), []backplane.Record{{Key: strconv.Itoa(i), Owner: "a", Value: value}}, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
	n.cond.Wait(testkit.Patience, func() bool { return n.last == n.base+10 })
	base := n.recorded().base
	before := used(b, server)
	b.ResetTimer()
	for i := range b.N {
		r, err := e.Take(b.Context(), strconv.Itoa(i), "b", time.Hour)
		if err == nil {
			r.Owner = "b"
			_, err = e.Save(b.Context(), []backplane.Record{r}, time.Hour)
		}
		if err == nil {
			err = e.Read(b.Context(), base, base+10, func(backplane.Entry) error { return nil })
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((used(b, server)-before).Nanoseconds())/float64(b.N), "redis-ns/client")
	if err := e.Stop(b.Context()); err != nil {
		b.Error(err)
	}
}
