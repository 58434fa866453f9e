// Package drain_test stops applications that have very many clients.
//
// FAULTS_LONG=1 runs it with 5,000 of each platform instead of 250.
package drain_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

func TestMain(m *testing.M) { subprocess.Main(m) }

// clients is how many there are of each platform.
func clients() int {
	if os.Getenv("FAULTS_LONG") != "" {
		return 5000
	}
	return 250
}

// raiseFiles lets the test, and the program that it starts, have a file descriptor
// for each connection.
func raiseFiles(t *testing.T, need int) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Max < uint64(need) {
		t.Fatalf("%d file descriptors are needed, the hard limit is %d: raise it by ulimit -Hn", need, l.Max)
	}
	l.Cur = l.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
}
