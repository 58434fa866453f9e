package churn_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// figures are what a process has at a moment of rest.
type figures struct {
	goroutines, fds int
	heap, objects   int64
}

// take collects garbage twice, because pools give up what they hold in two steps.
func take() figures {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return figures{runtime.NumGoroutine(), openFiles(), int64(m.HeapAlloc), int64(m.HeapObjects)}
}

// openFiles counts file descriptors; 0 where the system does not tell.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// residentBytes is the memory that the system counts; 0 where it does not tell.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// within looks every 10 ms whether something has come about.
func within(d time.Duration, done func() bool) bool {
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-deadline.C:
			return done()
		}
	}
	return true
}

// clients is how many of each kind there are; CHURN=10000 sets the number.
func clients(t *testing.T) int {
	t.Helper()
	said := os.Getenv("CHURN")
	if said == "" {
		return defaultClients
	}
	n, err := strconv.Atoi(said)
	if err != nil || n < 1 {
		t.Fatalf("CHURN=%s: must be a number of clients", said)
	}
	return n
}
