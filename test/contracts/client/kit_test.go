package client

import (
	"bufio"
	"bytes"
	"encoding/json"
	"log/slog"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/contract/contracttest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// TestContract: the client in ts/api is that of the kitchen.
func TestContract(t *testing.T) {
	contracttest.Golden(t, "ts/api", moduleOf(nil), contracttest.TypeScript("ts/api"),
		contracttest.Contract(contract.Title("Kitchen"), contract.Version("1.0.0")))
}

// serve starts the application at an address; ":0" is a free one.
func serve(t *testing.T, r *record, addr string, opts ...app.Option) *app.App {
	t.Helper()
	a, err := app.New(moduleOf(r), append(opts, app.HTTP(addr), app.Logger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func stop(t *testing.T, a *app.App) {
	t.Helper()
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// npm returns a command of an installed package, in the folder of this package.
func npm(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	dir := need.PackagesIn(t, "test/contracts")
	need.Program(t, "NODE", "node")
	return exec.CommandContext(t.Context(), filepath.Join(dir, "node_modules", filepath.FromSlash(program)), args...)
}

// bundle returns a script for a platform of esbuild: "node" or "browser".
func bundle(t *testing.T, platform string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), platform+".mjs")
	entry := map[string]string{"node": "ts/node.ts", "browser": "ts/page.ts"}[platform]
	args := []string{"--bundle", "--format=esm", "--target=es2022", "--platform=" + platform, "--outfile=" + file, entry}
	if platform == "node" { // packages of CommonJS call require
		args = append(args, `--banner:js=import{createRequire}from"node:module";const require=createRequire(import.meta.url);`)
	}
	if out, err := npm(t, "esbuild/bin/esbuild", args...).CombinedOutput(); err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	return file
}

// program is a scenario that runs in Node.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  chan string // what it says before its result
	result chan json.RawMessage
	stderr testkit.Log
}

// play starts a scenario of ts/scenarios.ts. Its last line of output is the result.
func play(t *testing.T, script, scenario, platform, url string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.CommandContext(t.Context(), need.Program(t, "NODE", "node"), script, scenario, platform, url),
		lines: make(chan string, 100), result: make(chan json.RawMessage, 1)}
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			if result, ok := bytes.CutPrefix(s.Bytes(), []byte("result ")); ok {
				p.result <- bytes.Clone(result)
				continue
			}
			p.lines <- s.Text()
		}
		_ = p.cmd.Wait()
		close(p.result)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-ended
	})
	return p
}

// want waits for a line.
func (p *program) want(line string) {
	p.t.Helper()
	if got := testkit.Receive(p.t, "the line "+line, p.lines); got != line {
		p.t.Fatalf("got %q, want %q", got, line)
	}
}

// decode waits for the result.
func decode[T any](t *testing.T, p player) (v T) {
	t.Helper()
	if text := p.text(); json.Unmarshal(text, &v) != nil {
		t.Fatalf("no result: %s", text)
	}
	return v
}

func (p *program) over() bool { return len(p.result) > 0 }

func (p *program) text() json.RawMessage {
	p.t.Helper()
	result := testkit.Receive(p.t, "the result of the scenario", p.result)
	if result == nil {
		p.t.Fatalf("the program has ended: %s", p.stderr.String())
	}
	return result
}
