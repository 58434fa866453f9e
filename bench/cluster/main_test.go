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
	err := command(t.Context(), []string{"-rounds", "1", "-burst", "300", "-flood", "3000", "-rate", "50", "-peers", "native,alone,centrifuge,frames"}, &out)
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, name := range []string{"B1", "B2", "B5", "B8", "B9", "CT10"} {
		measured := slices.ContainsFunc(strings.Split(out.String(), "\n"), func(line string) bool {
			return strings.HasPrefix(line, "| "+name+" |") && (strings.HasSuffix(line, "| ok |") || strings.HasSuffix(line, "| FAIL |"))
		})
		if !measured {
			t.Errorf("%s has no figures in:\n%s", name, out.String())
		}
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-burst", "0"}, {"-unknown"}, {"node", "-peer", "unknown"}} {
		if err := command(t.Context(), args, &strings.Builder{}); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}
