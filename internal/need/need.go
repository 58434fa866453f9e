// Package need handles tests that require a missing tool: they are skipped on a
// developer's machine, and fail in CI.
package need

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Met skips the test if err is not nil, or fails it if CI=true.
func Met(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("cannot run this test, and CI=true: %v", err)
	} else {
		t.Skipf("cannot run this test: %v", err) //nolint:forbidigo // the only place
	}
}

// Program returns the path of a program: the environment variable if it is set,
// otherwise name on PATH.
func Program(t testing.TB, variable, name string) string {
	t.Helper()
	if own := os.Getenv(variable); own != "" {
		name = own
	}
	path, err := exec.LookPath(name)
	if err != nil {
		err = fmt.Errorf("%w: run `make setup` or set %s", err, variable)
	}
	Met(t, err)
	return path
}

// Root returns the root directory of the test's Go module.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod in the working directory or its parents")
		}
		dir = up
	}
}

// Packages returns the directory test/, whose npm packages must be installed.
func Packages(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(Root(t), "test")
	_, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if errors.Is(err, os.ErrNotExist) {
		err = errors.New("the npm packages of test/ are not installed: run `make setup`")
	}
	Met(t, err)
	return dir
}
