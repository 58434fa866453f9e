package app_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/fx"
	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// programEnv makes the test binary run one of the programs in TestMain, which tests
// send signals to.
const programEnv = "GATEHOUSE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	switch os.Getenv(programEnv) {
	case "":
		goleak.VerifyTestMain(m)
	case "clean":
		app.Main(module.New("clean"), quiet(), printWhenReady())
	case "stuck":
		app.Main(module.New("stuck", module.Providers(func() *stuck { return &stuck{} })), quiet(), printWhenReady())
	case "systemd":
		app.Main(served(), app.SystemdSocket(), app.WebSockets(ws.New()), quiet())
	case "exit":
		app.Main(module.New("exit", module.Providers(newLeaver)), quiet())
	case "broken":
		app.Main(module.New("broken", module.Providers(newService)), quiet())
	}
}

func printWhenReady() app.Option {
	return app.OnReady(func(*app.App) { _, _ = os.Stdout.WriteString("ready\n") })
}

type leaver struct{ fx.Shutdowner }

func newLeaver(sd fx.Shutdowner) *leaver { return &leaver{sd} }

// OnApplicationBootstrap implements [app.OnApplicationBootstrap].
func (l *leaver) OnApplicationBootstrap(context.Context) error { return l.Shutdown(fx.ExitCode(7)) }

// A provider ends the process with its exit code.
func TestMainExitCode(t *testing.T) {
	cmd, _, stderr := program(t, "exit")
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 || stderr.String() != "exit code 7\n" {
		t.Errorf("Wait: %v, %s", err, stderr)
	}
}

// stuck has a stop hook that never returns.
type stuck struct{}

func (*stuck) OnModuleDestroy(context.Context) error {
	_, _ = os.Stdout.WriteString("stopping\n")
	select {}
}

// program starts the test binary as one of the programs in TestMain.
func program(t *testing.T, name string) (cmd *exec.Cmd, line func() string, stderr *strings.Builder) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), programEnv+"="+name)
	stderr = &strings.Builder{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { stop.Stop() })
	lines := bufio.NewScanner(out)
	return cmd, func() string { lines.Scan(); return lines.Text() }, stderr
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestMainStopsOnSignal(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, line, stderr := program(t, "clean")
		expect(t, line(), "ready")
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: Wait: %v\n%s", sig, err, stderr)
		}
	}
}

func TestSecondSignalKills(t *testing.T) {
	cmd, line, _ := program(t, "stuck")
	expect(t, line(), "ready")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect(t, line(), "stopping")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatalf("Wait: %v, want SIGTERM", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("Wait: %v, want SIGTERM", exit)
	}
}

func TestMainPrintsStartError(t *testing.T) {
	cmd, _, stderr := program(t, "broken")
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("Wait: %v, want exit status 1", err)
	}
	if !strings.Contains(stderr.String(), "which is not available in the module") {
		t.Errorf("standard error without the cause:\n%s", stderr)
	}
}
