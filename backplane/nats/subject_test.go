package nats

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
)

func TestSubject(t *testing.T) {
	for channel, want := range map[string]string{
		backplane.ChannelNodes:                    "p.q.c",
		backplane.ChannelEvents:                   "p.q.e",
		backplane.ChannelNode("0123456789abcdef"): "p.q.n.MDEyMzQ1Njc4OWFiY2RlZg",
		"r:a.b *>\n\xff":                          "p.q.r.YS5iICo-Cv8",
		"r:a:b":                                   "p.q.r.YTpi",
	} {
		got, err := subject("p.q", channel)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", channel, got, err, want)
		}
		if strings.ContainsAny(got, " *>\r\n\t") {
			t.Errorf("%q has a character that subjects must not have", got)
		}
	}
	for _, channel := range []string{"", ":x", "n:", "_", "_:s", "a.b", "A", "a b:c", "*", ">"} {
		if got, err := subject("p", channel); err == nil {
			t.Errorf("channel %q has the subject %q, want an error", channel, got)
		}
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("n:0123456789abcdef", "e")
	f.Add("r:a", "r:a.b")
	f.Fuzz(func(t *testing.T, a, b string) {
		first, errA := subject("p", a)
		second, errB := subject("p", b)
		if errA != nil || errB != nil {
			return
		}
		if (a == b) != (first == second) {
			t.Errorf("channels %q and %q have the subjects %q and %q", a, b, first, second)
		}
		if !subjectName(first) || strings.HasPrefix(first, "p."+ownSubjects+".") {
			t.Errorf("channel %q has the subject %q", a, first)
		}
	})
}
