// Package matrix has what the tests of test/matrix share with those of documents: the application, and the checks that a program in
// Node plays against it.
package matrix

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// Only is the required part of the checks' names: the variable MATRIX_ONLY.
func Only() string { return os.Getenv("MATRIX_ONLY") }

// Patience limits every wait of these tests.
const Patience = 60 * time.Second

// Timeout returns a context that ends after [Patience].
func Timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), Patience)
}

// Modes are the transports of the clients.
var Modes = []string{"polling", "websocket", "upgrade"}

// Result is the result of one check.
type Result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	MS     int    `json:"ms"`
}

// Side is one column of the matrix: its servers, one for each variant.
type Side struct {
	Name string
	URLs map[string]string // by the names of the variants
	Only string            // for this side, in place of [Only]
	// Restart stops the server "restarted" and starts it again at its address.
	Restart func() error
}

// Checks is the Node program with the checks.
type Checks struct {
	p       *nodetest.Process
	lines   chan line
	working sync.WaitGroup
}

type line struct {
	Result  *Result `json:"result"`
	Done    bool    `json:"done"`
	Control int     `json:"control"`
	What    string  `json:"what"`
}

// StartChecks starts the program, until the test ends.
func StartChecks(t *testing.T) *Checks {
	t.Helper()
	c := &Checks{lines: make(chan line, 10_000)} // large enough that the program never waits
	c.p = nodetest.StartProcess(t, "matrix.mjs", func(text []byte) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Errorf("line %.200q: %v", text, err)
			return
		}
		c.lines <- l
	})
	t.Cleanup(c.working.Wait)
	return c
}

// Run plays the checks of a mode against one side.
func (c *Checks) Run(t *testing.T, mode string, s *Side) (results []Result) {
	t.Helper()
	var names []string
	answer, err := c.p.Do("run", nodetest.Fields{"mode": mode, "urls": s.URLs, "only": cmp.Or(s.Only, Only())})
	if err == nil {
		err = json.Unmarshal(answer, &names)
	}
	if err != nil {
		t.Errorf("%s, %s: %v", s.Name, mode, err)
		return nil
	}
	ctx, cancel := Timeout()
	defer cancel()
	for {
		select {
		case l := <-c.lines:
			switch {
			case l.Result != nil:
				results = append(results, *l.Result)
			case l.Control != 0:
				c.control(t, l, s)
			case l.Done:
				if len(results) != len(names) {
					t.Errorf("%s, %s: %d results of %d checks", s.Name, mode, len(results), len(names))
				}
				order := map[string]int{}
				for i, name := range names {
					order[name] = i
				}
				slices.SortFunc(results, func(a, b Result) int { return order[a.Name] - order[b.Name] })
				return results
			}
		case <-ctx.Done():
			t.Errorf("%s, %s: %d of %d checks have finished; not: %s", s.Name, mode, len(results), len(names), missing(names, results))
			return results
		}
	}
}

func missing(names []string, results []Result) string {
	open := map[string]bool{}
	for _, n := range names {
		open[n] = true
	}
	for _, r := range results {
		delete(open, r.Name)
	}
	var out []string
	for n := range open {
		out = append(out, n)
	}
	return strings.Join(out, "; ")
}

// control performs the action that a check requests from a server.
func (c *Checks) control(t *testing.T, l line, s *Side) {
	t.Helper()
	c.working.Go(func() {
		fields := nodetest.Fields{"n": l.Control}
		if l.What != "restart" {
			fields["error"] = "no such control: " + l.What
		} else if err := s.Restart(); err != nil {
			fields["error"] = err.Error()
		}
		if _, err := c.p.Do("controlled", fields); err != nil {
			t.Error(err)
		}
	})
}
