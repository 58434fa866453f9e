package envelope_test

import (
	"bytes"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// toRoom is an event of 200 bytes to a room.
func toRoom() *backplane.Message {
	return &backplane.Message{
		Kind: backplane.Event, Select: backplane.Selection{Endpoints: []uint32{0xabcdef01}, Namespace: "/", Rooms: []string{"room 1234"}},
		Event: "posted", Payload: backplane.Payload{JSON: append(append([]byte{'"'}, bytes.Repeat([]byte("x"), 198)...), '"')},
	}
}

func batchOf(n int) []*backplane.Message {
	all := make([]*backplane.Message, n)
	for i := range all {
		all[i] = toRoom()
	}
	return numbered(1, all...)
}

func BenchmarkAppend(b *testing.B) {
	batch := batchOf(64)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = envelope.Append(buf[:0], batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/message")
}

// BenchmarkReader is what a node reads of each message: of one without a client here, and of others.
func BenchmarkReader(b *testing.B) {
	frame, err := envelope.Append(nil, batchOf(64))
	if err != nil {
		b.Fatal(err)
	}
	for name, read := range map[string]func(*envelope.Reader) (*backplane.Message, error){
		"selection": (*envelope.Reader).Head, "all": (*envelope.Reader).Load,
	} {
		b.Run(name, func(b *testing.B) {
			var r envelope.Reader
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Open(frame, envelope.Limits{}); err != nil {
					b.Fatal(err)
				}
				for {
					ok, err := r.Next()
					if err != nil {
						b.Fatal(err)
					}
					if !ok {
						break
					}
					if _, err := read(&r); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*64), "ns/message")
		})
	}
}
