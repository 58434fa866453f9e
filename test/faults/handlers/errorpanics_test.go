package handlers_test

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// childEnv makes the test binary the child process.
const childEnv = "GATEHOUSE_FAULTS_CHILD"

// TestFault_F62_ErrorsThatPanic: A handler's error whose own methods panic, such as one made of a nil pointer, is
// answered like an unknown error, and the process stays alive.
func TestFault_F62_ErrorsThatPanic(t *testing.T) {
	if inChild(t) {
		return
	}
	onEach(t, func(t *testing.T, p platform) {
		f := newField(t, p)
		for _, event := range []string{"on", "listen", "background"} {
			for _, what := range []string{"Error of an error", "Is of an error", "As of an error", "Unwrap of an error", "no error at all"} {
				f.message(t, event, what, internal)
			}
		}
	})
}

// inChild runs the test in a child process, which may crash, and reports whether it has done so: in the child it
// returns false.
func inChild(t *testing.T) bool {
	t.Helper()
	if os.Getenv(childEnv) != "" {
		return false
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.timeout="+(2*time.Minute).String())
	cmd.Env = append(os.Environ(), childEnv+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the process ended with %v:\n%.6000s", err, out)
	}
	return true
}
