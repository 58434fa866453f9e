package protocol_test

import (
	"maps"
	"strings"
	"testing"
)

// scene is a test case: the same traffic for both servers.
type scene struct {
	name string
	play func(p *play)
	// want is the transcript that a specification requires; scenes without it are only compared
	// with the reference.
	want string
}

// difference is an intended difference of our transcript.
type difference struct {
	why        string
	node, ours string
}

// compareAll plays the scenes against both servers and compares the transcripts.
func compareAll(t *testing.T, b *bench, scenes []scene) {
	t.Helper()
	checkNames(t, scenes)
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			if b.waits {
				t.Parallel()
			}
			var node, ours string
			t.Run("node", func(t *testing.T) { node = perform(t, b.node, s) })
			t.Run("gatehouse", func(t *testing.T) { ours = perform(t, b.ours, s) })
			if node == "" || ours == "" || t.Failed() {
				return // one was not run, or has already failed
			}
			compare(t, s, differences[t.Name()], node, ours)
		})
	}
}

// checkNames fails the test if a difference names an unknown scene.
func checkNames(t *testing.T, scenes []scene) {
	t.Helper()
	names := map[string]bool{}
	for _, s := range scenes {
		names[t.Name()+"/"+strings.ReplaceAll(s.name, " ", "_")] = true
	}
	for name := range differences {
		if strings.HasPrefix(name, t.Name()+"/") && !names[name] {
			t.Errorf("a difference is listed for the unknown scene %s", name)
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
	p.closeSessions()
	to.witness.check(t)
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
		t.Error("the listed difference does not exist any more: delete it")
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

// common normalizes a transcript.
func common(transcript string, ours bool) string {
	for _, w := range normalizations {
		if ours && w.ours || !ours && w.node {
			transcript = w.found.ReplaceAllString(transcript, w.common)
		}
	}
	return transcript
}

func check(t *testing.T, server, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s, want:\n%s", server, want)
	}
}

// trim removes the indentation of the source from a transcript.
func trim(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
