//go:build linux || darwin

package subprocess

import (
	"syscall"
	"testing"
)

// RaiseFiles allows the test, and the program that it starts, n file descriptors. It fails the test if the hard limit
// is lower.
func RaiseFiles(t testing.TB, n int) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Max < uint64(n) {
		t.Fatalf("%d file descriptors are needed, the hard limit is %d: raise it by ulimit -Hn", n, l.Max)
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
}

// limitFiles limits the file descriptors of this process.
func limitFiles(n uint64) error {
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: n, Max: n})
}
