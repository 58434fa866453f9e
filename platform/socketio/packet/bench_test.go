package packet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/go-json-experiment/json/jsontext"
)

// ordinary is a list of users: short names, texts, numbers, some nesting.
func ordinary(size int) string {
	var b strings.Builder
	b.WriteString(`["users"`)
	for i := 0; b.Len() < size-100; i++ {
		fmt.Fprintf(&b, `,{"id":%d,"name":"User number %d","email":"user%d@example.com","active":true,"score":%d.25,"tags":["a","bc"]}`,
			1000+i, i, i, i*7)
	}
	return b.String() + "]"
}

const placeholder0 = `{"_placeholder":true,"num":0}`

var benchmarks = map[string]string{
	"64B":         `2["echo",{"text":"a message of ordinary length, 64 by"}]`,
	"64B with id": `2/chat,1234["echo",{"text":"a message of ordinary length"}]`,
	"4KiB":        "2" + ordinary(4<<10),
	"4KiB text":   `2["say","` + strings.Repeat("Grüße, and more words of a text. ", 4096/35) + `"]`,
	"binary":      `51-["file",{"name":"a.png","data":` + placeholder0 + `}]`,
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range benchmarks {
		b.Run(name, func(b *testing.B) {
			d := JSON().NewDecoder(Limits{})
			msg, attachment := []byte(text), make([]byte, 64)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				copy(msg, text) // several arguments lose their first comma
				p, err := d.Text(msg)
				if d.Pending() != nil {
					p, err = d.Binary(attachment)
				}
				if p == nil || err != nil {
					b.Fatal(p, err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, text := range benchmarks {
		b.Run(name, func(b *testing.B) {
			d := JSON().NewDecoder(Limits{})
			p, err := d.Text([]byte(text))
			if d.Pending() != nil {
				p, err = d.Binary(make([]byte, 64))
			}
			if err != nil {
				b.Fatal(err)
			}
			p.Payload.Spread = name == "4KiB"
			dst := make([]byte, 0, 2*len(text))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := JSON().Append(dst, p, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The scanner compared with jsontext.
func BenchmarkValid(b *testing.B) {
	text := []byte(ordinary(4 << 10))
	b.Run("scanner", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if jsonscan.Value(text, 0, jsonscan.MaxDepth) != len(text) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("jsontext", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if !jsontext.Value(text).IsValid(jsontext.AllowDuplicateNames(true)) {
				b.Fatal("refused")
			}
		}
	})
}

// The package guarantees these numbers of allocations.
func TestAllocations(t *testing.T) {
	for name, most := range map[string]float64{"64B": 1, "64B with id": 1, "4KiB": 1, "4KiB text": 1, "binary": 2} {
		d := JSON().NewDecoder(Limits{})
		msg := []byte(benchmarks[name])
		got := testing.AllocsPerRun(100, func() {
			copy(msg, benchmarks[name])
			if _, err := d.Text(msg); err != nil {
				t.Fatal(err)
			}
			if d.Pending() != nil {
				if _, err := d.Binary(nil); err != nil {
					t.Fatal(err)
				}
			}
		})
		if got > most {
			t.Errorf("%s: %v allocations for a packet, want %v", name, got, most)
		}
	}
	dst := make([]byte, 0, 256)
	p := &Packet{Type: Event, Namespace: "/chat", ID: 7, HasID: true, Event: "e", Offset: "o",
		Payload: websockets.Payload{JSON: []byte("1"), Attachments: [][]byte{nil}}}
	if got := testing.AllocsPerRun(100, func() {
		if msg, _, _, err := JSON().Append(dst, p, Limits{}); err != nil || !bytes.HasPrefix(msg, []byte("51-/chat,7[")) {
			t.Fatal(string(msg), err)
		}
	}); got > 0 {
		t.Errorf("Append: %v allocations", got)
	}
}
