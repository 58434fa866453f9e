package identity_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// TestField_X71_BuildFlags: Whether the compiler inlined the function that makes a check decided whether two checks were told apart; every test of this page about who is who passes with and without inlining and optimisation.
func TestField_X71_BuildFlags(t *testing.T) {
	if inner() {
		return // the run with other flags is this one
	}
	tool := need.Program(t, "GO", "go")
	for _, flags := range []string{"-gcflags=-l", "-gcflags=-N -l", "-gcflags=-l=4"} {
		t.Run(flags, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, tool, "test", "-count=1", flags, "-run=^TestField_X", ".", "../../../internal/identity")
			cmd.Env = append(os.Environ(), again+"=1")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("go test %s: %v\n%s", flags, err, out)
			}
		})
	}
}
