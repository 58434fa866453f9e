package contracts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	shop "github.com/gatehouse-go/gatehouse/docs/internal/snippets/contracts"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// TestTypeScript: the example of docs/typescript.md is web/order.ts, which runs here in Node.
func TestTypeScript(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if !strings.Contains(read("../../../typescript.md"), "```ts\n"+read("web/order.ts")+"```\n") {
		t.Error("the example of docs/typescript.md is not web/order.ts")
	}

	packages, node := filepath.Join(need.PackagesIn(t, "test/contracts"), "node_modules"), need.Program(t, "NODE", "node")
	script := filepath.Join(t.TempDir(), "order.mjs")
	esbuild := exec.CommandContext(t.Context(), filepath.Join(packages, "esbuild/bin/esbuild"), "--bundle", "--platform=node", "--format=esm",
		`--banner:js=import{createRequire}from"node:module";const require=createRequire(import.meta.url);`, "--outfile="+script)
	esbuild.Dir, esbuild.Env = "web", append(os.Environ(), "NODE_PATH="+packages)
	esbuild.Stdin = strings.NewReader(`
		import WebSocket from "ws";
		import { order } from "./order.js";
		console.log(await order({ url: process.argv[2], WebSocket }));`)
	if out, err := esbuild.CombinedOutput(); err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	a := apptest.New(t, shop.Module, apptest.With(app.WebSockets(ws.New())))
	out, err := exec.CommandContext(t.Context(), node, script, a.URL()).CombinedOutput()
	if want := "tea for 12.50\n1 clients know\n"; err != nil || string(out) != want {
		t.Errorf("got %q, want %q: %v", out, want, err)
	}
}
