package plain

import (
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHandle(t *testing.T) {
	for _, c := range []struct {
		in, out string
		all     bool
	}{
		{`{"event":"echo","data":{"seq":1,"text":"a"}}`, `{"event":"echo","data":{"seq":1,"text":"a"}}`, false},
		{`{"data":{"text":"b","seq":2},"event":"shout"}`, `{"event":"shout","data":{"seq":2,"text":"b"}}`, true},
	} {
		out, all, err := Handle([]byte(c.in))
		if err != nil || string(out) != c.out || all != c.all {
			t.Errorf("%s: %s %t %v", c.in, out, all, err)
		}
	}
	for _, in := range []string{`{`, `{"event":"other","data":{}}`, `{"event":"echo","data":{"seq":"1"}}`} {
		if out, _, err := Handle([]byte(in)); err == nil {
			t.Errorf("%s: answered %s", in, out)
		}
	}
}

func TestHub(t *testing.T) {
	h := NewHub[int]()
	h.Add(1)
	h.Add(2)
	h.Add(2)
	h.Remove(1)
	if got := h.All(); !slices.Equal(got, []int{2}) {
		t.Errorf("got %v", got)
	}
}
