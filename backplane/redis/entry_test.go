package redis

import (
	"bytes"
	"strings"
	"testing"
)

func TestReadEntry(t *testing.T) {
	for _, c := range []struct {
		id       string
		fields   []string
		first    uint64
		messages int
		base     bool
	}{
		{"7-0", []string{"n", "3", "d", "frame"}, 5, 3, false},
		{"7-0", []string{"new", "x", "n", "7", "d", "frame"}, 1, 7, false},
		{"7-0", []string{"b", "1"}, 8, 0, true},
	} {
		id, ok := readID(c.id)
		e, valid := readEntry(id, c.fields)
		if !ok || !valid || e.First != c.first || e.Messages != c.messages || e.NewBase != c.base || e.Last() != 7 {
			t.Errorf("%s %q: %+v, %t", c.id, c.fields, e, valid)
		}
	}
	for _, c := range []struct {
		id     string
		fields []string
	}{
		{"7-1", []string{"n", "3", "d", "frame"}}, {"0-0", []string{"b", "1"}}, {"70368744177664-0", []string{"b", "1"}},
		{"7-0", nil}, {"7-0", []string{"n"}}, {"7-0", []string{"n", "8", "d", "frame"}}, {"7-0", []string{"n", "0", "d", "frame"}},
		{"7-0", []string{"n", "x", "d", "frame"}}, {"70000-0", []string{"n", "65537", "d", "frame"}}, {"7-0", []string{"n", "1", "d", ""}},
		{"7-0", []string{"n", "1", "d", strings.Repeat("x", maxMessage+1)}}, {"7-0", []string{"n", "18446744073709551617", "d", "frame"}},
	} {
		id, _ := readID(c.id)
		if e, valid := readEntry(id, c.fields); valid {
			t.Errorf("%s %.40q: %+v", c.id, c.fields, e)
		}
	}
	for _, text := range []string{"", "-", "7", "7-", "-7", "7-0-0", "18446744073709551616-0", "+7-0", "7- 0"} {
		if id, ok := readID(text); ok {
			t.Errorf("%q is the id %+v", text, id)
		}
	}
}

func FuzzReadEntry(f *testing.F) {
	f.Add("7-0", []byte("n\x003\x00d\x00frame"))
	f.Add("7-0", []byte("b\x001"))
	f.Add("70368744177664-1", []byte("d"))
	f.Fuzz(func(t *testing.T, text string, joined []byte) {
		id, ok := readID(text)
		if !ok {
			return
		}
		if again, ok := readID(id.String()); !ok || again != id {
			t.Errorf("%q is %+v, which is %+v", text, id, again)
		}
		var fields []string
		for b := range bytes.SplitSeq(joined, []byte{0}) {
			fields = append(fields, string(b))
		}
		e, valid := readEntry(id, fields)
		switch {
		case !valid:
		case e.Last() != id.ms || e.First == 0 || e.First > id.ms+1:
			t.Errorf("%q %q: positions %d to %d", text, fields, e.First, e.Last())
		case e.NewBase != (e.Messages == 0) || e.NewBase != (e.Frame == nil):
			t.Errorf("%q %q: %+v", text, fields, e)
		}
	})
}
