package client

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// player is a scenario that runs while the test does something to its connections.
type player interface {
	// want waits for a line of the scenario.
	want(line string)
	// over reports whether the scenario has ended.
	over() bool
	// text waits for the result.
	text() json.RawMessage
}

// runtimes start scenarios, against an application whose record serves the page.
var runtimes = map[string]func(t *testing.T, r *record) func(scenario, platform, url string) player{
	"node": func(t *testing.T, _ *record) func(scenario, platform, url string) player {
		t.Helper()
		script := bundle(t, "node")
		return func(scenario, platform, url string) player { return play(t, script, scenario, platform, url) }
	},
	"browser": func(t *testing.T, r *record) func(scenario, platform, url string) player {
		t.Helper()
		r.page = bundle(t, "browser")
		b := browsertest.Start(t)
		return func(scenario, platform, url string) player {
			page := b.Open(url)
			page.Eval(`(globalThis.over = false, globalThis.played = run("` + scenario + `", "` + platform + `").finally(() => { globalThis.over = true }), 0)`)
			return inBrowser{t, page}
		}
	},
}

// eachRuntime runs a test on both platforms in Node and in Chromium.
func eachRuntime(t *testing.T, test func(t *testing.T, platform string, r *record, start func(scenario, platform, url string) player)) {
	t.Helper()
	for name, runtime := range runtimes {
		for _, platform := range platforms {
			t.Run(name+"/"+platform, func(t *testing.T) {
				r := newRecord()
				test(t, platform, r, runtime(t, r))
			})
		}
	}
}

// inBrowser is a scenario in Chromium.
type inBrowser struct {
	t    *testing.T
	page *browsertest.Page
}

func (p inBrowser) want(line string) {
	p.t.Helper()
	testkit.Eventually(p.t, "the line "+line, func() bool { return slices.Contains(p.page.Console(), "log: "+line) })
}

func (p inBrowser) over() bool { p.t.Helper(); return string(p.page.Eval("over")) == "true" }

func (p inBrowser) text() json.RawMessage {
	p.t.Helper()
	testkit.Eventually(p.t, "the result of the scenario", p.over)
	return p.page.Eval("played")
}
