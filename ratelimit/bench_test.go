package ratelimit

import (
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

const often = rate.Limit(1e12) // rejects nothing, but counts

func BenchmarkMessages(b *testing.B) {
	g, c := Messages(often, 0), call(pipeline.KindMessage, "", 0)
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Check(b.Context(), c)
	}
}

func BenchmarkMessagesParallel(b *testing.B) {
	g := Messages(often, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := call(pipeline.KindMessage, "", 0) // a client for each
		for pb.Next() {
			_ = g.Check(b.Context(), c)
		}
	})
}

func BenchmarkConnectionsHotKey(b *testing.B) {
	g, c := Connections(often, 0), call(pipeline.KindConnect, "192.0.2.1:5000", 0)
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Check(b.Context(), c)
	}
}

func BenchmarkConnectionsHotKeyParallel(b *testing.B) {
	g := Connections(often, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := call(pipeline.KindConnect, "192.0.2.1:5000", 0)
		for pb.Next() {
			_ = g.Check(b.Context(), c)
		}
	})
}

func BenchmarkConnectionsRejected(b *testing.B) {
	g, c := Connections(rate.Every(time.Hour), 1), call(pipeline.KindConnect, "192.0.2.1:5000", 0)
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Check(b.Context(), c)
	}
}
