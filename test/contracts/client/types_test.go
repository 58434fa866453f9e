package client

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// mostBytes bounds the runtime, minified.
const mostBytes = 12 << 10

// TestSize: the minified runtime is small, and imports nothing.
func TestSize(t *testing.T) {
	out, err := npm(t, "esbuild/bin/esbuild", "--minify", "--format=esm", "--target=es2022", "ts/api/gatehouse.ts").Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 || len(out) > mostBytes {
		t.Errorf("%d bytes, at most %d", len(out), mostBytes)
	}
	if bytes.Contains(out, []byte("import")) || bytes.Contains(out, []byte("require(")) {
		t.Error("the runtime imports something")
	}
	t.Logf("%d bytes", len(out))
}

// mostWrong is how many wrong uses wrong.ts has at least.
const mostWrong = 30

// TestCompilers: TypeScript 5.9, 6.0 and 7.0 accept the client and its uses, and the clients of the repository, and refuse each wrong use.
func TestCompilers(t *testing.T) {
	text, err := os.ReadFile("ts/wrong.ts")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "// @ts-expect-error "); n < mostWrong {
		t.Errorf("%d wrong uses, want %d", n, mostWrong)
	}
	node := need.Program(t, "NODE", "node")
	for _, run := range [][2]string{{"typescript-5", "ts/tsconfig.json"}, {"typescript-6", "ts/tsconfig.json"}, {"typescript", "ts/tsconfig.json"}, {"typescript", "ts/tsconfig.node.json"}} {
		cmd := npm(t, run[0]+"/bin/tsc", "-p", run[1])
		cmd.Args = append([]string{node}, cmd.Args...)
		cmd.Path = node
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", run, err, out)
		}
	}
}
