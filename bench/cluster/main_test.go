package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
	"go.uber.org/goleak"
)

// TestMain is a node when the comparison starts this program again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		if err := command(context.Background(), os.Args[1:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// Everything runs that needs only Go and Redis, and every figure of it is there. How fast it is does not matter.
func TestComparison(t *testing.T) {
	need.Program(t, "REDIS_SERVER", "redis-server")
	var out strings.Builder
	err := command(t.Context(), []string{"-rounds", "1", "-burst", "300", "-flood", "3000", "-rate", "50", "-away", "200ms", "-peers", "native,alone,centrifuge,frames"}, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, name := range []string{"B1", "B2", "B5", "B8", "B9", "CT10"} {
		if !hasLine(out.String(), "| "+name+" |", "| ok |") && !hasLine(out.String(), "| "+name+" |", "| FAIL |") {
			t.Errorf("%s has no figures in:\n%s", name, out.String())
		}
	}
}

// hasLine reports whether a report has a line with a start and an end.
func hasLine(report, start, end string) bool {
	return slices.ContainsFunc(strings.Split(report, "\n"), func(line string) bool {
		return strings.HasPrefix(line, start) && strings.HasSuffix(line, end)
	})
}

// Redis is away until the queue to the other nodes is full: Emit returns errors, which are a figure, and every broadcast
// that is lost is counted. How long handlers take does not matter here, and whether they wait does.
func TestOutage(t *testing.T) {
	need.Program(t, "REDIS_SERVER", "redis-server")
	for _, work := range []string{"stopped", "killed"} {
		t.Run(work, func(t *testing.T) {
			var out strings.Builder
			if err := command(t.Context(), []string{"-outage", "-rounds", "1", "-away", "2s", "-queue", "500", "-works", work, "-peers", "native"}, &out); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			for _, want := range []string{"handlers that wait for Redis", "memory that the node takes", "broadcasts lost without being counted"} {
				if !hasLine(out.String(), "| CT10 | "+work+", native: "+want, "| ok |") {
					t.Errorf("%s: not kept in:\n%s", want, out.String())
				}
			}
			_, emits, _ := strings.Cut(out.String(), "## "+work+": Emit in handlers\n")
			emits, _, _ = strings.Cut(emits, "##")
			if !hasLine(emits, "| native |", "|") || hasLine(emits, "| native |", "| 0 |") { // its last figure
				t.Errorf("no Emit has returned an error:\n%s", out.String())
			}
		})
	}
}

// A run that is ended shows what it has, and why it was ended.
func TestEndedRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if err := command(ctx, []string{"-quick", "-works", "cost", "-peers", "alone"}, &out); err == nil {
		t.Error("no error")
	}
	if !hasLine(out.String(), "- ended in round 1, at cost, after ", "context canceled") {
		t.Errorf("why it ended is not in:\n%s", out.String())
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-away", "0s"}, {"-burst", "0"}, {"-unknown"}, {"node", "-peer", "unknown"}} {
		if err := command(t.Context(), args, &strings.Builder{}); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
