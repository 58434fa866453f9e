package cli

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/need"
)

// TestPage: the page of a new project compiles, with npm's TypeScript and esbuild of test/contracts, and calls the gateway in a browser.
func TestPage(t *testing.T) {
	packages := filepath.Join(need.PackagesIn(t, "test/contracts"), "node_modules")
	need.Program(t, "NODE", "node")
	browser := browsertest.Start(t)
	for _, platform := range []string{"ws", "socketio", "both"} {
		t.Run(platform, func(t *testing.T) {
			dir := t.TempDir()
			runIn(t, dir, filepath.Join(build(t), "gatehouse"), "new", "-page", "-platform", platform, "-replace", need.Root(t), "shop")
			shop := filepath.Join(dir, "shop")
			url := serve(t, shop)
			page := browser.Open(url)
			page.WaitText("#state", "run “make page”")

			if err := os.Symlink(packages, filepath.Join(shop, "node_modules")); err != nil {
				t.Fatal(err)
			}
			runIn(t, shop, "npm", "run", "--silent", "build")
			page = browser.Open(serve(t, shop))
			page.WaitText("#state", "Connected")
			page.Click("#join button")
			page.WaitText("#state", "In tea with 1 clients")
			page.Fill("#text", "hello")
			page.Click("#post button")
			page.WaitText("#messages li", "hello")
		})
	}
}

func runIn(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS="+flags)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// serve builds and starts a project, and returns its URL.
func serve(t *testing.T, project string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "shop")
	runIn(t, project, "go", "build", "-o", program, ".")
	cmd := exec.CommandContext(t.Context(), program, "-addr", "127.0.0.1:0")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			return "http://" + found[1] + "/"
		}
	}
	t.Fatal("the project has not started")
	return ""
}
