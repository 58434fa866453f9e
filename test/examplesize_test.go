package test_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// The example has 16.0 MB on linux/amd64: 14.0 before applications on several nodes, with neither NATS nor Redis in it.
const exampleSize = 17 << 20

// TestExampleSize: what an application links grows only on purpose.
func TestExampleSize(t *testing.T) {
	if runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
		return
	}
	program := filepath.Join(t.TempDir(), "example")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./cmd/example")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > exampleSize {
		t.Errorf("the example has %d bytes, want at most %d: go version -m lists what it links", info.Size(), exampleSize)
	}
}
