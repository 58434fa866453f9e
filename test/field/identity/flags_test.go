package identity_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// TestField_X71_BuildFlags: Whether two origin checks were distinguished depended on whether the compiler had inlined
// the function that makes them; the tests of X43, X71 and X72 pass with and without inlining and optimisation.
func TestField_X71_BuildFlags(t *testing.T) {
	if inner() {
		return // this is the run with other flags
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
