package protocol_test

import (
	"maps"
	"strings"
	"testing"
)

// scene is a case: the same traffic for both servers.
type scene struct {
	name string
	play func(p *play)
	// want is the transcript where a document says what must come; the other
	// scenes are held against the reference alone.
	want string
}

// difference is a transcript of ours that is meant to be another one.
type difference struct {
	why        string
	node, ours string
}

// act plays the scenes against both servers of the bench and compares.
func act(t *testing.T, b *bench, scenes []scene) {
	t.Helper()
	belong(t, scenes)
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			if b.waits {
				t.Parallel()
			}
			var node, ours string
			t.Run("node", func(t *testing.T) { node = perform(t, b.node, s) })
			t.Run("gatehouse", func(t *testing.T) { ours = perform(t, b.ours, s) })
			if node == "" || ours == "" || t.Failed() {
				return // one of them was not run, or says itself what failed
			}
			compare(t, s, differences[t.Name()], node, ours)
		})
	}
}

// belong fails the test when a difference is listed for a scene that is not there.
func belong(t *testing.T, scenes []scene) {
	t.Helper()
	there := map[string]bool{}
	for _, s := range scenes {
		there[t.Name()+"/"+strings.ReplaceAll(s.name, " ", "_")] = true
	}
	for name := range differences {
		if strings.HasPrefix(name, t.Name()+"/") && !there[name] {
			t.Errorf("a difference is listed for %s, which is not there", name)
		}
	}
}

func perform(t *testing.T, to *target, s scene) string {
	t.Helper()
	p := &play{t: t, target: to}
	s.play(p)
	if len(p.lines) == 0 {
		t.Fatal("nothing was recorded")
	}
	p.tidy()
	to.witness.undisturbed(t)
	return strings.Join(p.lines, "\n")
}

func compare(t *testing.T, s scene, d difference, node, ours string) {
	t.Helper()
	t.Logf("node:\n%s\n", node)
	if ours != node {
		t.Logf("gatehouse:\n%s\n", ours)
	}
	want := node
	if s.want != "" {
		want = trim(s.want)
	}
	if d.why == "" {
		want = common(want, false)
		check(t, "node", common(node, false), want)
		check(t, "gatehouse", common(ours, true), want)
		return
	}
	if trim(d.node) == trim(d.ours) {
		t.Error("the listed difference is none: delete it")
	}
	check(t, "node", node, trim(d.node))
	check(t, "gatehouse", details.ReplaceAllString(ours, ""), trim(d.ours))
}

func merged(lists ...map[string]difference) map[string]difference {
	all := map[string]difference{}
	for _, list := range lists {
		maps.Copy(all, list)
	}
	return all
}

// common puts a transcript into words that both servers have.
func common(transcript string, ours bool) string {
	for _, w := range wordings {
		if ours && w.ours || !ours && w.node {
			transcript = w.found.ReplaceAllString(transcript, w.common)
		}
	}
	return transcript
}

func check(t *testing.T, who, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s, want:\n%s", who, want)
	}
}

// trim takes the indentation of the source off a transcript.
func trim(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
