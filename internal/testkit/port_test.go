package testkit_test

import (
	"net"
	"strconv"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

func TestFreeAddress(t *testing.T) {
	seen := map[string]bool{}
	for range 20 {
		at := testkit.FreeAddress(t)
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		if seen[at] {
			t.Errorf("%s is not free", at)
		}
		seen[at] = true
	}
	system, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = system.Close() })
	if port, _ := strconv.Atoi(testkit.FreePort(t)); port >= system.Addr().(*net.TCPAddr).Port {
		t.Errorf("port %d is one that the system takes too, such as %v", port, system.Addr())
	}
}
