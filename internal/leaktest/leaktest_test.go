package leaktest_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
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
	if code := leaktest.MainWithin(leak, 0); code != 1 {
		t.Errorf("leaked goroutine: status %d, want 1", code)
	}
}

// A goroutine that ends later than package goleak looks is none that is leaked.
func TestNone(t *testing.T) {
	before := goleak.IgnoreCurrent()
	go func() { <-time.After(2 * time.Second) }()
	leaktest.None(t, before)
	release := make(chan struct{})
	go func() { <-release }()
	r := &testkit.Recorder{TB: t}
	r.Run(func() { leaktest.NoneWithin(r, 0, before) })
	r.Want("leaked goroutines", "TestNone")
	close(release)
}
