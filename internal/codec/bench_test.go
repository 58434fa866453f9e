package codec

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func items(n int) list {
	var l list
	for i := range n {
		l.Items = append(l.Items, item{i, fmt.Sprintf("item number %d", i), float64(i) * 1.25, []string{"new", "on sale"}, i%2 == 0})
	}
	return l
}

// BenchmarkRoundTrip decodes and encodes by plans and by the library.
func BenchmarkRoundTrip(b *testing.B) {
	roundTrip(b, "64B", small{1, strings.Repeat("a", 40)})
	roundTrip(b, "4KiB text", small{1, strings.Repeat("a", 4060)})
	roundTrip(b, "4KiB other text", small{1, strings.Repeat("Tür und Tor: \"日本\"\n", 150)})
	roundTrip(b, "4KiB list", items(45))
	roundTrip(b, "4KiB any", map[string]any{"items": func() (l []any) {
		for i := range 45 {
			l = append(l, map[string]any{"id": float64(i), "name": fmt.Sprintf("item number %d", i), "tags": []any{"new", "on sale"}, "done": true})
		}
		return l
	}()})
}

func roundTrip[T any](b *testing.B, name string, v T) {
	text, err := json.Marshal(&v)
	if err != nil {
		b.Fatal(err)
	}
	var zero, got T
	run := func(by string, f func() error) {
		b.Run(name+"/"+by, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			before := cpuTime()
			for b.Loop() {
				got = zero
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
			if used := cpuTime() - before; used > 0 {
				b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
			}
		})
	}
	d, _ := DecoderOf(reflect.TypeFor[T]())
	var buf []byte
	run("library", func() error {
		if err := json.Unmarshal(text, &got, strictUnicode); err != nil {
			return err
		}
		b, err := json.Marshal(&got, json.Deterministic(false))
		buf = append(buf[:0], b...)
		return err
	})
	run("plan", func() (err error) {
		if err := d.Decode(text, &got, Options{}); err != nil {
			return err
		}
		buf, err = Append(buf[:0], &got)
		return err
	})
}

// BenchmarkAttachments decodes a message with two attachments by plans and by the library.
func BenchmarkAttachments(b *testing.B) {
	type upload struct {
		Name  string `json:"name"`
		Data  []byte `json:"data"`
		Other any    `json:"other"`
	}
	text := []byte(`{"name":"photo.jpg","data":{"_placeholder":true,"num":0},"other":{"thumbnail":{"_placeholder":true,"num":1},"size":12}}`)
	o := Options{Attachments: [][]byte{make([]byte, 1000), make([]byte, 100)}}
	d, _ := DecoderOf(reflect.TypeFor[upload]())
	for name, decode := range map[string]func(v *upload) error{
		"plan":    func(v *upload) error { return d.Decode(text, v, o) },
		"library": func(v *upload) error { return decodeByLibrary(text, v, o) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var v upload
				if err := decode(&v); err != nil || len(v.Data) != 1000 {
					b.Fatal(err)
				}
			}
		})
	}
}
