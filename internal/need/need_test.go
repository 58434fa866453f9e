package need_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// recorder records how a test ends.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) { r.skipped = format }

func (r *recorder) Skip(args ...any) { r.skipped = fmt.Sprint(args...) }

func (r *recorder) Fatalf(format string, args ...any) { r.failed = format }

func TestMetSkipsLocallyAndFailsInCI(t *testing.T) {
	missing := errors.New("no such tool")
	for _, tt := range []struct {
		ci              string
		err             error
		skipped, failed bool
	}{
		{ci: "", err: nil},
		{ci: "true", err: nil},
		{ci: "", err: missing, skipped: true},
		{ci: "true", err: missing, failed: true},
	} {
		t.Setenv("CI", tt.ci)
		r := &recorder{TB: t}
		need.Met(r, tt.err)
		if (r.skipped != "") != tt.skipped || (r.failed != "") != tt.failed {
			t.Errorf("CI=%q, %v: skipped %q, failed %q", tt.ci, tt.err, r.skipped, r.failed)
		}
	}
}

func TestProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NEED_TEST_TOOL", program)
	if got := need.Program(t, "NEED_TEST_TOOL", "does-not-exist"); got != program {
		t.Errorf("got %s, want %s", got, program)
	}

	t.Setenv("CI", "true")
	t.Setenv("NEED_TEST_TOOL", "")
	r := &recorder{TB: t}
	need.Program(r, "NEED_TEST_TOOL", "does-not-exist")
	if r.failed == "" {
		t.Error("a missing program did not fail the test")
	}
}

func TestShortSkips(t *testing.T) {
	was := strconv.FormatBool(testing.Short())
	if err := flag.Set("test.short", "true"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("test.short", was) })
	r := &recorder{}
	need.Program(r, "GO", "go")
	if r.skipped == "" {
		t.Error("with -short a test that needs a program was not skipped")
	}
}

func TestRootHasTheModule(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(need.Root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(b), "module github.com/gatehouse-go/gatehouse\n") {
		t.Errorf("go.mod starts with %.60q", b)
	}
}
