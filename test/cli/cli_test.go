package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// programs is the folder of the command.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "gatehouse"); err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(programs)
	os.Exit(status)
}

var once sync.Once

// build builds the command once, and returns its folder.
func build(t *testing.T) string {
	t.Helper()
	need.Program(t, "", "go")
	once.Do(func() { goIn(t, need.Root(t), "build", "-o", programs, "./cmd/gatehouse") })
	return programs
}

func goIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), need.Program(t, "", "go"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return string(out)
}

// flags: -trimpath is that of test/consumer and scripts/lint, so that packages are compiled once; linking is faster without debug information.
const flags = "-buildvcs=false -trimpath -ldflags=-w"

// params are those of scripts in a folder. Go uses its caches, and no network.
func params(t *testing.T, dir string, vars ...string) testscript.Params {
	t.Helper()
	root, bin := need.Root(t), build(t)
	caches := strings.Split(strings.TrimSpace(goIn(t, root, "env", "GOMODCACHE", "GOCACHE")), "\n")
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Vars = append(e.Vars, "GOMODCACHE="+caches[0], "GOCACHE="+caches[1], "GOPROXY=off", "GOSUMDB=off", "GOFLAGS="+flags,
				"GOTOOLCHAIN=local", "GOWORK=off", "REPOSITORY="+root)
			e.Vars = append(e.Vars, vars...)
			return os.Mkdir(filepath.Join(e.WorkDir, "empty"), 0o750)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"only": only},
	}
}

// only is the line `only FOLDER NAME…` of a script. It fails if the folder has other entries than those named.
func only(ts *testscript.TestScript, _ bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, args[1:]) {
		ts.Fatalf("%s has %q, want %q", args[0], names, args[1:])
	}
}

// TestNew: a new project is tested, vetted and formatted as it is, on each platform, and nothing is written outside of it.
func TestNew(t *testing.T) {
	for platform, address := range map[string]string{"ws": "/chat", "socketio": "/chat", "both": "/ws/chat"} {
		t.Run(platform, func(t *testing.T) {
			testscript.Run(t, params(t, "testdata/new", "PLATFORM="+platform, "ADDRESS="+address))
		})
	}
}

// TestCommands: what the commands write, print and refuse.
func TestCommands(t *testing.T) { testscript.Run(t, params(t, "testdata/script")) }

// TestVersions: new projects have the versions of npm packages that are tested here.
func TestVersions(t *testing.T) {
	root := need.Root(t)
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	tested, used := read("test/contracts/package.json"), read("cmd/gatehouse/internal/scaffold/scaffold.go")
	for name, constant := range map[string]string{"esbuild": "Esbuild", "typescript": "TypeScript", "socket.io-client": "SocketIOClient"} {
		_, rest, _ := strings.Cut(tested, fmt.Sprintf("%q: \"", name))
		version, _, _ := strings.Cut(rest, `"`)
		if _, rest, _ := strings.Cut(used, constant); version == "" || !strings.HasPrefix(strings.TrimLeft(rest, " ="), fmt.Sprintf("%q", version)) {
			t.Errorf("%s: scaffold.%s is not the version %s, which is tested", name, constant, version)
		}
	}
	if _, rest, _ := strings.Cut(read("go.mod"), "\ngo "); !strings.Contains(used, `GoVersion = "`+strings.SplitN(rest, "\n", 2)[0]+`"`) {
		t.Error("scaffold.GoVersion is not that of go.mod")
	}
}
