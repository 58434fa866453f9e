package internal_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

const modulePath = "github.com/gatehouse-go/gatehouse"

// Programs are built from what they use: the heavy dependencies of optional packages are not in
// a program that does without these packages.
func TestDependenciesOfPrograms(t *testing.T) {
	tool := need.Program(t, "", "go")
	heavy := []string{
		modulePath + "/backplane/nats",
		modulePath + "/contract",
		modulePath + "/otel",
		"go.opentelemetry.io/",
		"github.com/prometheus/",
		modulePath + "/internal/jsonschema",
		modulePath + "/platform/socketio/zishang",
		modulePath + "/backplane/redis",
		"github.com/redis/",
		"github.com/nats-io/",
		"github.com/zishang520/",
		"github.com/quic-go/",
		"github.com/gorilla/websocket",
		"github.com/go-playground/",
		"github.com/tinylib/msgp/",
	}
	for _, platform := range []string{"/platform/ws", "/platform/socketio"} {
		cmd := exec.CommandContext(t.Context(), tool, "list", "-deps", modulePath+"/app", modulePath+platform)
		cmd.Dir = need.Root(t)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		packages := strings.Fields(string(out))
		for _, used := range []string{modulePath + platform, "github.com/coder/websocket"} {
			if !slices.Contains(packages, used) {
				t.Errorf("app and %s do not use %s: is this still the list of dependencies?\n%s", platform, used, out)
			}
		}
		for _, p := range packages {
			if slices.ContainsFunc(heavy, func(prefix string) bool { return strings.HasPrefix(p, prefix) }) {
				t.Errorf("a program that uses app and %s is built with %s", platform, p)
			}
		}
	}
}

// What several nodes need takes at most 150 KB of a program that is built without an engine.
func TestSizeOfCluster(t *testing.T) {
	const most = 177_000
	tool := need.Program(t, "", "go")
	run := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir, cmd.Env = need.Root(t), append(os.Environ(), "GOOS=linux", "GOARCH=amd64")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		return out
	}
	program := filepath.Join(t.TempDir(), "example")
	run("build", "-trimpath", "-o", program, "./cmd/example")
	sizes := map[string]int{"backplane": 0, "backplane/envelope": 0, "internal/cluster": 0, "internal/roster": 0, "presence": 0}
	all := 0
	for lines := bufio.NewScanner(bytes.NewReader(run("tool", "nm", "-size", program))); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // address, size, type, name
		if len(fields) < 4 {
			continue
		}
		_, name, ours := strings.Cut(fields[3], modulePath+"/")
		end := strings.IndexAny(name, ".[")
		size, err := strconv.Atoi(fields[1])
		if !ours || end < 0 || err != nil {
			continue
		}
		if _, counts := sizes[name[:end]]; counts {
			sizes[name[:end]] += size
			all += size
		}
	}
	t.Logf("%d bytes: %v", all, sizes)
	for name, size := range sizes {
		if size == 0 {
			t.Errorf("nothing of %s is in the program: is this still the name of the package?", name)
		}
	}
	if all > most {
		t.Errorf("%d bytes, want at most %d: %v", all, most, sizes)
	}
}
