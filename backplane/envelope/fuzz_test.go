package envelope_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// FuzzReader: any bytes are read without a panic and with memory of a constant times their length;
// what is read, is the same after it was written and read again.
func FuzzReader(f *testing.F) {
	for _, m := range []*backplane.Message{full(), {Kind: backplane.Bye}, {Kind: backplane.Leave, Rooms: []string{"a", "b"}}} {
		b, err := envelope.Append(nil, numbered(1, m))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(frame("01 05 05 0000000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := allocated()
		all, err := envelope.Decode(b, envelope.Limits{})
		// A message takes about 350 bytes and has 2 in the frame at least; other goroutines of the
		// fuzzer allocate too.
		if grown := allocated() - before; grown > uint64(1000*len(b)+1<<20) {
			t.Errorf("%d bytes of memory for a frame of %d", grown, len(b))
		}
		if err != nil || len(all) == 0 {
			return
		}
		again, err := envelope.Append(nil, all)
		if err != nil {
			t.Fatalf("what was read is not written: %v", err)
		}
		back, err := envelope.Decode(again, envelope.Limits{})
		if err != nil || len(back) != len(all) {
			t.Fatalf("what was written is not read: %v", err)
		}
		for i := range back {
			if !same(all[i], back[i]) {
				t.Fatalf("message %d changes:\n%+v\n%+v", i, *all[i], *back[i])
			}
		}
		third, err := envelope.Append(nil, back)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("the second writing differs: %v\n%x\n%x", err, again, third)
		}
	})
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
