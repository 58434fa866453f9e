// Package need decides what happens to a test that needs a tool beside Go, such as Node
// or a browser. Without the tool the test is skipped on a developer's machine and
// fails in CI, where a test that does not run must not look like one that passes.
// With -short it is always skipped, because such tests are slow.
package need

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// notShort skips the test in a run with -short.
func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("this test needs other programs, and -short leaves them out") //nolint:forbidigo // the one place
	}
}

// Program returns the path of a program: the value of the environment variable
// when it is set, otherwise name found on PATH.
func Program(t testing.TB, variable, name string) string {
	t.Helper()
	notShort(t)
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

// rootModule is the first line of the go.mod at the root of the repository. Other modules are in
// folders below it.
const rootModule = "module github.com/gatehouse-go/gatehouse\n"

// Root returns the root of the repository, from a test of any of its modules.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // the folders above a test
		if err == nil && strings.HasPrefix(string(b), rootModule) {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod of Gatehouse at or above the working directory")
		}
		dir = up
	}
}

// Packages returns the folder test/ with its npm packages installed.
func Packages(t testing.TB) string {
	t.Helper()
	return PackagesIn(t, "test")
}

// PackagesIn returns a folder of the repository with its npm packages installed.
func PackagesIn(t testing.TB, folder string) string {
	t.Helper()
	notShort(t)
	dir := filepath.Join(Root(t), filepath.FromSlash(folder))
	_, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("the npm packages of %s/ are not installed: run `make setup`", folder)
	}
	Met(t, err)
	return dir
}
