package cli

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// mistake is a change of a new project, and what gatehouse doctor finds.
type mistake struct {
	name    string
	replace map[string][2]string // in a file: a text by another
	write   map[string]string    // other files; empty removes one
	want    []string             // each starts with the file and the text of its line: chat/gateway.go@Posted.Emit: …
	status  int
	env     []string
}

const ask = `package chat

import (
	"context"

	"github.com/gatehouse-go/gatehouse/websockets"
)

`

// withMetrics has a module of the path of the exporter, without what the real one requires.
var withMetrics = map[string]string{
	"go.work":                  "go 1.26.0\n\nuse (\n\t.\n\t./prometheus\n)\n\nreplace github.com/gatehouse-go/gatehouse => REPOSITORY\n",
	"prometheus/go.mod":        "module github.com/gatehouse-go/gatehouse/otel/prometheus\n\ngo 1.26.0\n",
	"prometheus/prometheus.go": "package prometheus\n\ntype Exporter struct{}\n\nfunc (*Exporter) Controller() *Exporter { return nil }\n",
	"chat/metrics.go": `package chat

import (
	"github.com/gatehouse-go/gatehouse/otel/prometheus"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

var exporter = &prometheus.Exporter{}

func controllers(guard pipeline.Guard, options []web.Option) {
	_ = web.Controller(exporter.Controller, web.WithoutPrefix(), web.UseGuards(guard))
	_ = web.Controller(exporter.Controller, options...)
	_ = web.Controller(exporter.Controller, web.WithoutPrefix())
}
`,
}

var mistakes = []mistake{
	{name: "none", want: []string{"nothing found in 2 packages"}},
	{
		name: "old Go in go.mod", status: 1,
		replace: map[string][2]string{"go.mod": {"go 1.26.0", "go 1.24.1"}},
		want:    []string{"go.mod@go 1.24.1: the module has Go 1.24.1, and Gatehouse needs 1.26.0: write: go 1.26.0"},
	},
	{
		name: "event", status: 1,
		replace: map[string][2]string{"chat/module.go": {"\twebsockets.Emits(Posted),\n", ""}},
		want: []string{`chat/gateway.go@return Posted.Emit: the event Posted ("posted") is sent and no gateway declares it, so that no document has it: ` +
			"list it at its gateway: websockets.Emits(Posted), or websockets.Sends(Posted) at the handler that responds with it"},
	},
	{
		name: "response and event of another package", status: 1,
		write: map[string]string{
			"chat/more.go": ask + `// Moved and Seen are events.
var (
	Moved = websockets.NewEvent[int]("moved")
	Seen  = websockets.NewEvent[int]("seen")
)

func (g *Gateway) Move(ctx context.Context, n int) (websockets.Response[int], error) { return Moved.Response(n), nil }
`,
			"seen/seen.go": `package seen

import (
	"context"

	"github.com/gatehouse-go/gatehouse/websockets"

	"shop/chat"
)

func See(ctx context.Context, g *chat.Gateway) error {
	return (chat.Seen).Emit(ctx, g.Server.To("tea"), 1)
}

var _ = websockets.NewEvent[int]
`,
		},
		want: []string{
			`chat/more.go@return Moved.Response: the event Moved ("moved") is sent and no gateway`,
			`seen/seen.go@return (chat.Seen).Emit: the event Seen ("seen") is sent and no gateway`,
		},
	},
	{
		name: "call", status: 1,
		write: map[string]string{"chat/ask.go": ask + `var confirm = websockets.NewCall[string, bool]("confirm")

func Ask(ctx context.Context, c websockets.Client) (bool, error) {
	return confirm.Call(ctx, c, "Sure?")
}
`},
		want: []string{`chat/ask.go@return confirm.Call: the call confirm ("confirm") is sent and no gateway declares it, so that no document has it: ` +
			"list it at its gateway: websockets.Emits(confirm)"},
	},
	{
		name: "any origin", status: 1,
		replace: map[string][2]string{"chat/module.go": {
			"\twebsockets.Emits(Posted),\n",
			"\twebsockets.Emits(Posted),\n\twebsockets.Origins(\"https://a.example\",\n\t\tall),\n",
		}},
		write: map[string]string{"chat/origins.go": "package chat\n\nconst all = \"*\"\n"},
		want: []string{`chat/module.go@all),: Origins("*") accepts connections of any page in the browser of a user, with the cookies of the user: ` +
			`list those of your pages: websockets.Origins("https://app.example.com")`},
	},
	{
		name: "a check that is none", status: 1,
		write: map[string]string{"chat/origins.go": `package chat

import (
	"net/http"

	"github.com/gatehouse-go/gatehouse/websockets"
)

var _ = websockets.CheckOrigin(func(*http.Request) bool { return true })
`},
		want: []string{"chat/origins.go@var _ =: this CheckOrigin accepts connections of any page"},
	},
	{
		name: "types without JSON", status: 1,
		write: map[string]string{"chat/wait.go": `package chat

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Wait has fields that do not encode.
type Wait struct {
	Inner map[string][]*inner
	inner
	Next *Wait
}

type inner struct {
	For  time.Duration
	Done chan struct{}
}

var (
	_ = websockets.NewEvent[Wait]("wait")
	_ = websockets.NewRequest[string, complex128]("add")
	_ = web.JSON(func(context.Context, struct {
		Call func()
	}) (string, error) {
		return "", nil
	})
)
`},
		want: []string{
			"chat/wait.go@For  time.Duration: the field For of chat.inner has the type time.Duration, which has no form in JSON: use a number with its unit in the name, such as wait_ms, or a type with MarshalJSON and UnmarshalJSON",
			"chat/wait.go@Done chan: the field Done of chat.inner has the type chan struct{}, which has no form in JSON: leave it out of the payload, or give the field the tag json:\"-\"",
			"chat/wait.go@_ = websockets.NewRequest: the payload has the type complex128, which has no form in JSON",
			"chat/wait.go@Call func(): the field Call has the type func(), which has no form in JSON",
		},
	},
	{
		name: "old client of Socket.IO", status: 1,
		write: map[string]string{"page/package.json": "{\n  \"devDependencies\": {\n    \"esbuild\": \"0.28.2\",\n    \"socket.io-client\": \"^2.5.0\"\n  }\n}\n"},
		want:  []string{`page/package.json@"socket.io-client": socket.io-client ^2.5.0 is too old: the client in TypeScript needs 4: run: npm install socket.io-client@4`},
	},
	{
		name: "versions that differ", status: 1,
		replace: map[string][2]string{"go.mod": {
			"require github.com/gatehouse-go/gatehouse v0.0.0\n",
			"require (\n\tgithub.com/gatehouse-go/gatehouse v0.1.0\n\tgithub.com/gatehouse-go/gatehouse/config v0.2.0\n)\n",
		}},
		write: map[string]string{"go.work": "go 1.26.0\n\nuse .\n\nreplace (\n\tgithub.com/gatehouse-go/gatehouse => REPOSITORY\n" +
			"\tgithub.com/gatehouse-go/gatehouse/config => REPOSITORY/config\n)\n"},
		env: []string{"GOWORK="},
		want: []string{"go.mod@github.com/gatehouse-go/gatehouse/config: github.com/gatehouse-go/gatehouse/config has the version v0.2.0, and that of Gatehouse is v0.1.0: " +
			"its modules belong together: run: go get github.com/gatehouse-go/gatehouse/config@v0.1.0"},
	},
	{
		name:  "metrics without a guard",
		write: withMetrics,
		env:   []string{"GOWORK="},
		want: []string{"chat/metrics.go@exporter.Controller, web.WithoutPrefix()): warning: the metrics of this controller have no guard: they name gateways and events, and say how busy they are: " +
			"bind a guard: web.Controller(exporter.Controller, web.UseGuards(…)), or serve them on 127.0.0.1"},
	},
	{
		name:    "metrics for the machine itself",
		write:   withMetrics,
		replace: map[string][2]string{"main.go": {"app.HTTP(addr)", `func() app.Option { _ = addr; return app.HTTP("localhost:3000") }()`}},
		env:     []string{"GOWORK="},
		want:    []string{"nothing found in 2 packages"},
	},
	{
		name:  "no test of the contract",
		write: map[string]string{"contract_test.go": ""},
		want: []string{`chat/module.go@var Module: warning: no test holds the application to documents of its messages: ` +
			`write one: contracttest.Golden(t, "api", Module), see docs/contracts.md`},
	},
	{
		name: "it does not compile", status: 1,
		replace: map[string][2]string{"chat/gateway.go": {"[]websockets.Subscription{\n", "[]websockets.Subscription{\n\t\twebsockets.On(\"wrong\", g.Wrong),\n"}},
		want:    []string{`chat/gateway.go@websockets.On("wrong": the package does not compile: g.Wrong undefined (type *Gateway has no field or method Wrong): mend it, then run gatehouse doctor again`},
	},
	{
		name: "it does not parse", status: 1,
		replace: map[string][2]string{"chat/gateway.go": {"func NewGateway()", "func NewGateway("}},
		want:    []string{`chat/gateway.go@func NewGateway( *Gateway: the package does not compile: `},
	},
	{
		name: "an unknown import", status: 1,
		replace: map[string][2]string{"main.go": {`"flag"`, "\"flag\"\n\t_ \"example.com/unknown\""}},
		want:    []string{`main.go@_ "example.com/unknown": the package does not compile: `},
	},
}

// TestDoctor: each mistake in a project is found at its line, and nothing else.
func TestDoctor(t *testing.T) {
	base, root := t.TempDir(), need.Root(t)
	runIn(t, base, filepath.Join(build(t), "gatehouse"), "new", "-platform", "ws", "-replace", root, "shop")
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(base, "shop"))); err != nil {
				t.Fatal(err)
			}
			if _, noReplace := m.write["go.work"]; noReplace {
				m.replace = maps.Clone(m.replace)
				goIn(t, dir, "mod", "edit", "-dropreplace=github.com/gatehouse-go/gatehouse")
			}
			for file, texts := range m.replace {
				old := read(t, filepath.Join(dir, file))
				if !strings.Contains(old, texts[0]) {
					t.Fatalf("%s has no %q", file, texts[0])
				}
				write(t, filepath.Join(dir, file), strings.Replace(old, texts[0], texts[1], 1))
			}
			for file, text := range m.write {
				if text == "" {
					if err := os.Remove(filepath.Join(dir, file)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				write(t, filepath.Join(dir, file), strings.ReplaceAll(text, "REPOSITORY", root))
			}
			got, status := doctor(t, dir, m.env)
			if status != m.status {
				t.Errorf("status %d, want %d", status, m.status)
			}
			var want []string
			for _, w := range m.want {
				want = append(want, located(t, dir, w))
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.EqualFunc(got, want, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// right has what looks like a mistake and is none.
var right = map[string]string{
	"chat/right.go": `package chat

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const tock = "tock"

var (
	Tick   = websockets.NewEvent[int]("tick")
	Tock   = websockets.NewEvent[int](tock)
	again  = websockets.NewEvent[int]("tock")
	alias  = Tick
	Both   = []websockets.EventInfo{Tick, Tock}
	named  = websockets.NewEvent[int](tock + "")
	_      = websockets.Emits(websockets.NewEvent[int]("inPlace"))
	place  = websockets.NewEvent[int]("inPlace")
	unused = websockets.NewEvent[int]("unused")
	_      = websockets.CheckOrigin(func(r *http.Request) bool { return r.Host != "" })
	_      = websockets.Origins("https://*.example.com")
)

func all(ctx context.Context, s *websockets.Server, p websockets.Event[int]) {
	for _, e := range []websockets.Event[int]{Tick, alias, p} {
		_ = e.Emit(ctx, s, 1)
	}
	_ = Tick.Emit(ctx, s, 1)
	_ = Tock.Emit(ctx, s, 1)
	_ = again.Emit(ctx, s, 1)
	_ = alias.Emit(ctx, s, 1)
	_ = named.Emit(ctx, s, 1)
	_ = place.Emit(ctx, s, 1)
	_ = p.Emit(ctx, s, 1)
	_ = unused.Name()
}

// Span writes its own JSON.
type Span time.Duration

func (s Span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

type Search struct {
	Span    Span
	At      time.Time
	Seconds time.Duration ` + "`json:\",format:sec\"`" + `
	Hidden  chan int      ` + "`json:\"-\"`" + `
	private func()
	Any     any
	Wait    time.Duration ` + "`query:\"wait\"`" + `
}

var (
	_ = web.JSON(func(context.Context, Search) (string, error) { return "", nil })
	_ = websockets.On("search", func(_ context.Context, s Search) (websockets.Payload, error) { _ = s.private; return websockets.Payload{}, nil })
)
`,
	"page/package.json":           `{"dependencies": {"socket.io-client": ">=2"}}`,
	"other/package.json":          `{"dependencies": {"socket.io-client": "^2 || ^4"}}`,
	"last/package.json":           `{"dependencies": {"socket.io-client": "latest"}}`,
	"node_modules/a/package.json": `{"dependencies": {"socket.io-client": "1.0.0"}}`,
}

// TestDoctorIsCertain: there is nothing to find in what is right, in the example application and on the pages.
func TestDoctorIsCertain(t *testing.T) {
	base, root := t.TempDir(), need.Root(t)
	runIn(t, base, filepath.Join(build(t), "gatehouse"), "new", "-replace", root, "shop")
	shop := filepath.Join(base, "shop")
	for file, text := range right {
		write(t, filepath.Join(shop, file), text)
	}
	for dir, args := range map[string][]string{shop: nil, root: {"./cmd/example/...", "./docs/internal/snippets/..."}} {
		env := "GOWORK=off"
		if dir == root {
			env = "GOWORK="
		}
		if got, status := doctor(t, dir, []string{env}, args...); status != 0 || len(got) != 1 || !strings.HasPrefix(got[0], "nothing found in ") {
			t.Errorf("%s: status %d, %q", dir, status, got)
		}
	}
}

// TestDoctorMachine: what is wrong with the machine.
func TestDoctorMachine(t *testing.T) {
	base := t.TempDir()
	gatehouse := filepath.Join(build(t), "gatehouse")
	runIn(t, base, gatehouse, "new", "-platform", "ws", "-replace", need.Root(t), "shop")
	shop := filepath.Join(base, "shop")

	limited := exec.CommandContext(t.Context(), "sh", "-c", "ulimit -n 1000 && exec "+gatehouse+" doctor")
	limited.Dir, limited.Env = shop, append(os.Environ(), "GOWORK=off")
	const few = "warning: a process may have 1000 file descriptors here, one for each client: raise the hard limit: ulimit -Hn 1048576, or LimitNOFILE of systemd\n"
	if out, err := limited.CombinedOutput(); err != nil || string(out) != few {
		t.Errorf("%v, %s", err, out)
	}

	old := filepath.Join(t.TempDir(), "go")
	write(t, old, "#!/bin/sh\nprintf 'go1.25.3\\n\\n'\n")
	if err := os.Chmod(old, 0o700); err != nil { // as a program
		t.Fatal(err)
	}
	got, status := doctor(t, shop, []string{"PATH=" + filepath.Dir(old) + string(os.PathListSeparator) + os.Getenv("PATH")})
	if want := "Gatehouse needs Go 1.26.0, and this is go1.25.3: install a newer one, see https://go.dev/dl"; status != 1 || len(got) != 1 || got[0] != want {
		t.Errorf("status %d, %q", status, got)
	}

	empty := exec.CommandContext(t.Context(), gatehouse, "doctor", "./nothing/...")
	empty.Dir, empty.Env = shop, append(os.Environ(), "GOWORK=off")
	const none = "gatehouse doctor: pattern ./nothing/...: lstat ./nothing/: no such file or directory: name packages as the go command takes them\n"
	if out, err := empty.CombinedOutput(); err == nil || string(out) != none {
		t.Errorf("%v, %s", err, out)
	}
}

// doctor returns the lines that the command prints, and its status.
func doctor(t *testing.T, dir string, env []string, args ...string) (lines []string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(build(t), "gatehouse"), append([]string{"doctor"}, args...)...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), "GOWORK=off"), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, _ := cmd.Output()
	if stderr.Len() > 0 {
		t.Errorf("it prints %s", stderr.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"), cmd.ProcessState.ExitCode()
}

// located replaces file@text: by file:line:, the line of the file that has the text.
func located(t *testing.T, dir, want string) string {
	t.Helper()
	file, rest, ok := strings.Cut(want, "@")
	if !ok || strings.Contains(file, " ") {
		return want
	}
	number := 0
	for line := range strings.Lines(read(t, filepath.Join(dir, file))) {
		number++
		for i := range rest {
			if strings.HasPrefix(rest[i:], ": ") && strings.Contains(line, rest[:i]) {
				return file + ":" + strconv.Itoa(number) + rest[i:]
			}
		}
	}
	t.Fatalf("%s has no line for %q", file, rest)
	return ""
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
