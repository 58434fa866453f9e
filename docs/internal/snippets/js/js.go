// Package js runs the JavaScript that pages of documentation show.
package js

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// Run runs the first js block of a page that has localhost:3000 in Node, with
// address in its place, and returns the first lines that it printed.
func Run(t testing.TB, page, address string, lines int) string {
	t.Helper()
	return RunWith(t, page, "localhost:3000", address, lines)
}

// RunWith is Run for the first js block that has a text.
func RunWith(t testing.TB, page, has, address string, lines int) string {
	t.Helper()
	dir, node := need.Packages(t), need.Program(t, "NODE", "node")
	text, err := fs.ReadFile(os.DirFS(need.Root(t)), page)
	if err != nil {
		t.Fatal(err)
	}
	block := ""
	for _, after := range strings.Split(string(text), "```js\n")[1:] {
		if code, _, _ := strings.Cut(after, "```"); block == "" && strings.Contains(code, has) {
			block = strings.ReplaceAll(code, "localhost:3000", address)
		}
	}
	if block == "" {
		t.Fatalf("%s has no js block with %s", page, has)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--input-type=module", "-") //nolint:gosec // a test's own program
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(prelude + "left = " + strconv.Itoa(lines) + ";\n" + block)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the js block of %s: %v\n%s", page, err, stderr.String())
	}
	return string(out)
}

// prelude stands for the browser, and ends the program after some lines.
const prelude = `import { WebSocket as npmWebSocket } from "ws";
globalThis.WebSocket ??= npmWebSocket;
let left;
const log = console.log;
console.log = (...args) => {
  log(...args);
  if (--left === 0) process.exit();
};
`
