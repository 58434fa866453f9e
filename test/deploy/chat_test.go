package deploy_test

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// TestChat runs the program at the start of the page, as its commands do, on other ports.
func TestChat(t *testing.T) {
	program := filepath.Join(t.TempDir(), "chat")
	if out, err := exec.CommandContext(t.Context(), need.Program(t, "", "go"), "build", "-race", "-o", program, "./chat").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	log := &testkit.Log{}
	at := freeAddresses(t, 4)
	for i, at := range [][3]string{{at[0], at[1], at[3]}, {at[2], at[3], at[1]}} {
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), "ADDR="+at[0], "NODE_ADDR="+at[1], "PEERS="+at[2], "CLUSTER_SECRET=secret")
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			late := time.AfterFunc(testkit.Patience, func() { _ = cmd.Process.Kill() })
			defer late.Stop()
			if err := cmd.Wait(); err != nil {
				t.Errorf("node %d: %v\n%s", i, err, log)
			}
		})
	}
	testkit.Eventually(t, "both nodes know each other and listen", func() bool {
		return len(log.Lines("node has joined")) >= 2 && len(log.Lines("msg=started")) >= 2
	})
	ada, err := apptest.TryDialSocketIO(t, "http://"+at[0], apptest.WithTimeout(testkit.Patience))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := apptest.TryDialSocketIO(t, "http://"+at[2], apptest.WithTimeout(testkit.Patience))
	if err != nil {
		t.Fatal(err)
	}
	ada.Emit("say", "hello")
	if got := apptest.Expect[string](bob, "said"); got != "hello" {
		t.Errorf("got %q", got)
	}
}

// freeAddresses returns addresses whose ports are free, and below those that systems assign to others
// meanwhile.
func freeAddresses(t *testing.T, n int) (free []string) {
	t.Helper()
	for range 1000 {
		at := "127.0.0.1:" + strconv.Itoa(18_000+rand.IntN(2000))
		l, err := net.Listen("tcp", at)
		if err != nil {
			continue
		}
		defer l.Close()
		if free = append(free, at); len(free) == n {
			return free
		}
	}
	t.Fatal("no free ports from 18000 to 20000")
	return nil
}
