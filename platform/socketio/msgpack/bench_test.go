package msgpack

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
)

// ordinary is a list of users: short names, texts, numbers, some nesting.
func ordinary(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size-100; i++ {
		fmt.Fprintf(&b, `,{"id":%d,"name":"User number %d","email":"user%d@example.com","active":true,"score":%d.25,"tags":["a","bc"]}`,
			1000+i, i, i, i*7)
	}
	return "[" + b.String()[1:] + "]"
}

func benchmarks() map[string]packet.Packet {
	return map[string]packet.Packet{
		"64B":       {Type: packet.Event, Namespace: "/", Event: "echo", Payload: payload(`{"text":"a message of ordinary length, 64 by"}`)},
		"4KiB":      {Type: packet.Event, Namespace: "/", Event: "users", Payload: spread(ordinary(4 << 10))},
		"4KiB text": {Type: packet.Event, Namespace: "/", Event: "say", Payload: payload(`"` + strings.Repeat("Grüße, and more words of a text. ", 4096/35) + `"`)},
		"binary":    {Type: packet.Event, Namespace: "/", Event: "file", Payload: payload(`{"name":"a.png","data":`+placeholder0+`}`, strings.Repeat("x", 64))},
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, p := range benchmarks() {
		b.Run(name, func(b *testing.B) {
			msg, _, _, err := Parser().Append(nil, &p, packet.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			d := Parser().NewDecoder(packet.Limits{})
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Binary(msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, p := range benchmarks() {
		b.Run(name, func(b *testing.B) {
			dst := make([]byte, 0, 8<<10)
			msg, _, _, err := Parser().Append(dst, &p, packet.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := Parser().Append(dst, &p, packet.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Allocations do not grow with the number of values.
func TestAllocations(t *testing.T) {
	for name, most := range map[string]struct{ decode, encode float64 }{
		"64B": {1, 1}, "4KiB": {2, 3}, "4KiB text": {1, 1}, "binary": {3, 1},
	} {
		p := benchmarks()[name]
		dst := make([]byte, 0, 8<<10)
		var msg []byte
		var err error
		if got := testing.AllocsPerRun(100, func() {
			if msg, _, _, err = Parser().Append(dst, &p, packet.Limits{}); err != nil {
				t.Fatal(err)
			}
		}); got > most.encode {
			t.Errorf("%s: %v allocations to send, want %v", name, got, most.encode)
		}
		d := Parser().NewDecoder(packet.Limits{})
		if got := testing.AllocsPerRun(100, func() {
			if _, err := d.Binary(msg); err != nil {
				t.Fatal(err)
			}
		}); got > most.decode {
			t.Errorf("%s: %v allocations to receive, want %v", name, got, most.decode)
		}
	}
}
