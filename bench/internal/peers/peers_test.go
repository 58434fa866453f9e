package peers

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestChoose(t *testing.T) {
	some, err := Choose([]string{"tcp", "gws"})
	if err != nil || len(some) != 2 || some[0].Name != "gws" || some[1].Name != "tcp" {
		t.Errorf("%v %v", some, err)
	}
	every, err := Choose(nil)
	if err != nil || len(every) != len(All()) {
		t.Errorf("%d of %d, %v", len(every), len(All()), err)
	}
	if _, err := Choose([]string{"gws", "unknown"}); err == nil {
		t.Error("an unknown peer was found")
	}
}

// Every peer has its program in this module.
func TestProgramsAreThere(t *testing.T) {
	for _, p := range All() {
		path := "../../servers/" + cmp.Or(p.Program, p.Name) + "/main.go"
		if p.Script != "" {
			path = "../../node/" + p.Script
		}
		if p.Bun {
			path = "../../bun/" + p.Script
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestLeftOut(t *testing.T) {
	chosen, err := Choose([]string{"gws", "node-ws", "bun-ws"})
	if err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir() // neither sources nor npm packages
	built, left := Build(t.Context(), empty, empty, chosen)
	if len(built) != 0 || len(left) != 3 {
		t.Fatalf("built %v, left %v", built, left)
	}
	for _, l := range left {
		if l.Why == nil {
			t.Errorf("%s: no reason", l.Name)
		}
	}
}

func TestStartAndStop(t *testing.T) {
	cores, err := proc.Cores()
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := Choose([]string{"tcp"})
	if err != nil {
		t.Fatal(err)
	}
	built, left := Build(t.Context(), "../..", t.TempDir(), chosen)
	if len(left) > 0 {
		t.Fatal(left[0].Why)
	}
	for _, pins := range []*Pins{nil, {Server: cores[0], Client: cores[len(cores)-1]}} {
		p, err := built[0].Start(t.Context(), pins)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := p.Server().Goroutines(); err != nil || n < 2 {
			t.Errorf("%d goroutines, %v", n, err)
		}
		pid := p.Server().PID
		p.Stop()
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d after Stop: %v", pid, err)
		}
	}
}

func TestServersThatDoNotStart(t *testing.T) {
	for _, c := range []struct {
		program string
		args    []string
		says    string
	}{
		{"/nonexistent", nil, "no such file"},
		{"true", nil, "did not report its address"},
		{"echo", []string{"hello"}, `said "hello\n"`},
	} {
		b := Built{Peer: Peer{Name: "odd"}, program: c.program, args: c.args}
		_, err := b.Start(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "odd") {
			t.Errorf("%s: %v, want %q", c.program, err, c.says)
		}
	}
}

func TestEndOfContextEndsServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := Built{Peer: Peer{Name: "cat"}, program: "sh", args: []string{"-c", `echo '{"addr":"127.0.0.1:1"}'; exec cat /dev/zero >/dev/null`}}
	p, err := b.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	p.Stop() // waits
	if err := syscall.Kill(p.Server().PID, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}

func TestVersionOf(t *testing.T) {
	if v, err := versionOf([]byte(`{"name":"x","version":"1.2.3"}`)); v != "1.2.3" || err != nil {
		t.Errorf("%q %v", v, err)
	}
	if _, err := versionOf([]byte(`{`)); err == nil {
		t.Error("half an object is a manifest")
	}
}

func TestNamesAreUnique(t *testing.T) {
	var names []string
	for _, p := range All() {
		if slices.Contains(names, p.Name) {
			t.Errorf("%s is there twice", p.Name)
		}
		names = append(names, p.Name)
	}
}
