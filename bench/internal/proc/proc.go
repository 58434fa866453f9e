// Package proc reads what processes use and decides on which core they run. It
// is for Linux.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the processor time, user and system, that a process has used so far.
// Unlike /proc/PID/stat, which counts in steps of 10 ms, the process' clock
// counts nanoseconds.
func CPU(pid int) (time.Duration, error) {
	const schedulerClock = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &ts); err != nil {
		return 0, fmt.Errorf("reading the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// RSS is the resident memory of a process in bytes.
func RSS(pid int) (int64, error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	status, err := os.ReadFile(path) //nolint:gosec // a number in /proc
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		var kib int64
		if n, _ := fmt.Sscanf(string(line), "VmRSS: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("%s has no VmRSS", path)
}

// Busy is the processor time that the whole machine has used so far, on all
// cores; what the hypervisor took away counts as used. In steps of 10 ms.
func Busy() (time.Duration, error) {
	const path = "/proc/stat"
	stat, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	// cpu user nice system idle iowait irq softirq steal …
	fields := strings.Fields(line)
	if len(fields) < 9 {
		return 0, fmt.Errorf("%s starts with %q", path, line)
	}
	var ticks int64
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		ticks += n
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 for every program
	return time.Duration(ticks) * tick, nil
}

// Cores lists the cores on which this process may run.
func Cores() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	var cores []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			cores = append(cores, i)
		}
	}
	return cores, nil
}

// PinThread binds the calling thread to a core. A process that it starts
// inherits that. The caller has locked the goroutine to the thread.
func PinThread(core int) error {
	var set unix.CPUSet
	set.Set(core)
	return unix.SchedSetaffinity(0, &set)
}

// PinAll binds every thread of this process to cores; later ones inherit it.
func PinAll(cores ...int) error {
	var set unix.CPUSet
	for _, core := range cores {
		set.Set(core)
	}
	for done := map[string]bool{}; ; {
		tasks, err := filepath.Glob("/proc/self/task/*")
		if err != nil {
			return err
		}
		before := len(done)
		for _, task := range tasks {
			if done[task] {
				continue
			}
			tid, err := strconv.Atoi(filepath.Base(task))
			if err != nil {
				return err
			}
			if err := unix.SchedSetaffinity(tid, &set); err != nil && err != unix.ESRCH {
				return err
			}
			done[task] = true
		}
		if len(done) == before {
			return nil
		}
	}
}
