package codecs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type message struct {
	Seq  int64  `json:"seq"`
	Text string `json:"text"`
}

type item struct {
	ID    int      `json:"id"`
	Name  string   `json:"name"`
	Price float64  `json:"price"`
	Tags  []string `json:"tags"`
	Done  bool     `json:"done"`
}

type list struct {
	Items []item `json:"items"`
}

func items(n int) list {
	var l list
	for i := range n {
		l.Items = append(l.Items, item{i, fmt.Sprintf("item number %d", i), float64(i) * 1.25, []string{"new", "on sale"}, i%2 == 0})
	}
	return l
}

// Which library takes text that is wrong or doubtful: the framework's own codec reads half a surrogate pair as U+FFFD.
func TestStrictness(t *testing.T) {
	inputs := []struct{ what, text string }{
		{"a name twice", `{"seq":1,"seq":2}`},
		{"invalid UTF-8", "{\"text\":\"\xff\"}"},
		{"half a surrogate pair", `{"text":"\ud800"}`},
		{"a control character in a string", "{\"text\":\"\x01\"}"},
		{"something behind the value", `{"seq":1}x`},
		{"a number with a leading zero", `{"seq":01}`},
	}
	want := map[string]string{
		"gatehouse": "no no yes no no no",
		"json-v2":   "no no no no no no",
		"std":       "yes yes yes no no no",
		"goccy":     "yes yes yes no no no",
		"segmentio": "yes yes yes no no no",
		"sonic":     "yes yes yes no no no",
	}
	for _, c := range All() {
		var got []string
		for _, in := range inputs {
			var m message
			if c.Unmarshal([]byte(in.text), &m) == nil {
				got = append(got, "yes")
			} else {
				got = append(got, "no")
			}
		}
		if s := strings.Join(got, " "); s != want[c.Name] {
			t.Errorf("%s: %s instead of %s", c.Name, s, want[c.Name])
		}
	}
}

// The libraries agree on what is ordinary, and keep nothing of what they were given.
func TestAgreement(t *testing.T) {
	for _, c := range All() {
		want := items(20)
		b, err := c.Append([]byte("x"), want)
		if err != nil || b[0] != 'x' || !json.Valid(b[1:]) {
			t.Fatal(c.Name, err)
		}
		var got list
		if err := c.Unmarshal(b[1:], &got); err != nil {
			t.Fatal(c.Name, err)
		}
		clear(b)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", c.Name, got)
		}
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range All() {
		run(b, c, "64B", &message{1, strings.Repeat("a", 40)})
		run(b, c, "4KiB text", &message{1, strings.Repeat("a", 4060)})
		long := items(45)
		run(b, c, "4KiB list", &long)
	}
}

func run[T any](b *testing.B, c Codec, name string, v *T) {
	b.Run(name+"/"+c.Name, func(b *testing.B) {
		buf, err := c.Append(nil, v)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(buf)))
		b.ReportAllocs()
		for b.Loop() {
			var got T
			if err := c.Unmarshal(buf, &got); err != nil {
				b.Fatal(err)
			}
			if buf, err = c.Append(buf[:0], &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}
