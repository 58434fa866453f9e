package leaktest_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

type tests func() int

func (f tests) Run() int { return f() }

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }

func TestExitStatus(t *testing.T) {
	if code := leaktest.Main(tests(func() int { return 3 })); code != 3 {
		t.Errorf("failed tests: status %d, want 3", code)
	}
	release := make(chan struct{})
	defer close(release)
	leak := tests(func() int {
		go func() { <-release }()
		return 0
	})
	if code := leaktest.Main(leak); code != 1 {
		t.Errorf("leaked goroutine: status %d, want 1", code)
	}
}
