package matrix_test

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// patience limits every wait of these tests.
const patience = 60 * time.Second

func timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func portOf(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}

var modes = []string{"polling", "websocket", "upgrade"}

// result is the result of one check.
type result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	MS     int    `json:"ms"`
}

// intended has the checks that Gatehouse need not pass, with the reason.
var intended = map[string]string{}

func TestMatrix(t *testing.T) {
	var tab table
	for _, mode := range modes {
		tab.columns = append(tab.columns, column{mode, "Node"}, column{mode, "Gatehouse"})
	}
	var both sync.WaitGroup
	for _, s := range []*side{startNode(t), startOurs(t)} {
		c := startChecks(t)
		both.Go(func() {
			for _, mode := range modes {
				started := time.Now()
				results := c.run(t, mode, s)
				t.Logf("%s, %s: %d checks in %v", s.name, mode, len(results), time.Since(started).Round(time.Millisecond))
				tab.add(column{mode, s.name}, results)
			}
		})
	}
	both.Wait()
	tab.report(t)
	tab.write(t, "MATRIX")
}

// checks is the Node program with the checks.
type checks struct {
	p       *nodetest.Process
	lines   chan line
	working sync.WaitGroup
}

type line struct {
	Result  *result `json:"result"`
	Done    bool    `json:"done"`
	Control int     `json:"control"`
	What    string  `json:"what"`
}

func startChecks(t *testing.T) *checks {
	t.Helper()
	c := &checks{lines: make(chan line, 10_000)} // large enough that the program never waits
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

// run plays the checks of a mode against one side.
func (c *checks) run(t *testing.T, mode string, s *side) (results []result) {
	t.Helper()
	var names []string
	answer, err := c.p.Do("run", nodetest.Fields{"mode": mode, "urls": s.urls, "only": only()})
	if err == nil {
		err = json.Unmarshal(answer, &names)
	}
	if err != nil {
		t.Errorf("%s, %s: %v", s.name, mode, err)
		return nil
	}
	ctx, cancel := timeout()
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
					t.Errorf("%s, %s: %d results of %d checks", s.name, mode, len(results), len(names))
				}
				order := map[string]int{}
				for i, name := range names {
					order[name] = i
				}
				slices.SortFunc(results, func(a, b result) int { return order[a.Name] - order[b.Name] })
				return results
			}
		case <-ctx.Done():
			t.Errorf("%s, %s: %d of %d checks have finished; not: %s", s.name, mode, len(results), len(names), missing(names, results))
			return results
		}
	}
}

func missing(names []string, results []result) string {
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
func (c *checks) control(t *testing.T, l line, s *side) {
	t.Helper()
	c.working.Go(func() {
		fields := nodetest.Fields{"n": l.Control}
		if l.What != "restart" {
			fields["error"] = "no such control: " + l.What
		} else if err := s.restart(); err != nil {
			fields["error"] = err.Error()
		}
		if _, err := c.p.Do("controlled", fields); err != nil {
			t.Error(err)
		}
	})
}
