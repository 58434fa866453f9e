package churn_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// figures are the resources of the process at rest.
type figures struct {
	goroutines, fds int
	heap, objects   int64
}

// measure collects garbage twice, because pools are freed in two steps.
func measure() figures {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return figures{runtime.NumGoroutine(), openFiles(), int64(m.HeapAlloc), int64(m.HeapObjects)}
}

// openFiles returns the number of file descriptors; 0 if the system has no count.
func openFiles() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// residentBytes returns the resident memory; 0 if the system has no count.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// clients returns the number of clients of each kind: $CHURN, or the default.
func clients(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CHURN")
	if text == "" {
		return defaultClients
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CHURN=%s: must be a number of clients", text)
	}
	return n
}
