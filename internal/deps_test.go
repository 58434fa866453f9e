package internal_test

import (
	"os/exec"
	"slices"
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
