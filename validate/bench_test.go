package validate

import "testing"

type chat struct {
	Room string `json:"room" validate:"required,max=40"`
	Text string `json:"text" validate:"required,max=2000"`
	Kind string `json:"kind" validate:"oneof=text image"`
}

func benchmark(b *testing.B, payload any, valid bool) {
	b.Helper()
	p := New()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Transform(b.Context(), nil, payload); (err == nil) != valid {
			b.Fatal(err)
		}
	}
}

func BenchmarkValid(b *testing.B) { benchmark(b, &chat{"lobby", "hello", "text"}, true) }

func BenchmarkInvalid(b *testing.B) { benchmark(b, &chat{"", "hello", "sound"}, false) }

func BenchmarkNotAStruct(b *testing.B) { benchmark(b, new("text"), true) }

func BenchmarkListOf100(b *testing.B) {
	list := make([]chat, 100)
	for i := range list {
		list[i] = chat{"lobby", "hello", "text"}
	}
	benchmark(b, &list, true)
}

func BenchmarkValidParallel(b *testing.B) {
	p := New()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		payload := &chat{"lobby", "hello", "text"}
		for pb.Next() {
			if err := p.Transform(b.Context(), nil, payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}
