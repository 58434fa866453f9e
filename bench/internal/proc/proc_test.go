package proc

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCPUCountsOwnWork(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for {
		after, err := CPU(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after < before {
			t.Fatalf("from %v to %v", before, after)
		}
		if after-before > 5*time.Millisecond {
			return
		}
	}
}

func TestOfNobody(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	pid := gone.Process.Pid
	if _, err := CPU(pid); err == nil {
		t.Error("CPU of a process that has ended")
	}
	if _, err := RSS(pid); err == nil {
		t.Error("RSS of a process that has ended")
	}
}

func TestRSSGrows(t *testing.T) {
	before, err := RSS(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	after, err := RSS(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(block)
	if grown := after - before; grown < size*9/10 {
		t.Errorf("%d bytes more, want about %d", grown, size)
	}
}

func TestBusy(t *testing.T) {
	busy, err := Busy()
	if err != nil || busy <= 0 {
		t.Errorf("%v %v", busy, err)
	}
}

// A child started from a pinned thread stays where the thread was.
func TestPinnedThreadsChildren(t *testing.T) {
	cores, err := Cores()
	if err != nil || len(cores) == 0 {
		t.Fatal(cores, err)
	}
	for _, core := range cores {
		done := make(chan string)
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			if err := PinThread(core); err != nil {
				done <- err.Error()
				return
			}
			out, err := exec.Command("grep", "Cpus_allowed_list", "/proc/self/status").Output()
			if err != nil {
				done <- err.Error()
				return
			}
			done <- strings.Fields(string(out))[1]
		}()
		if got, want := <-done, strconv.Itoa(core); got != want {
			t.Errorf("on %s, want %s", got, want)
		}
	}
	if after, err := Cores(); err != nil || !slices.Equal(after, cores) {
		t.Errorf("%v after, %v before, %v", after, cores, err)
	}
}

func TestMachine(t *testing.T) {
	if m := Machine(); !strings.Contains(m, "cores") || strings.Contains(m, "\x00") {
		t.Errorf("%q", m)
	}
}
