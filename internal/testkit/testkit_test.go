package testkit_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// outcome returns the failures of a test, and how long it took.
func outcome(t *testing.T, test func(t testing.TB)) (failures string, took time.Duration) {
	r := &testkit.Recorder{TB: t}
	started := time.Now()
	r.Run(func() { test(r) })
	return strings.Join(r.Failures(), "; "), time.Since(started)
}

func TestWaits(t *testing.T) {
	one, closed := make(chan int, 1), make(chan int)
	one <- 1
	close(closed)
	calls := 0
	for _, tt := range []struct {
		name    string
		test    func(t testing.TB)
		failure string
		took    time.Duration
	}{
		{"a value", func(t testing.TB) { testkit.Receive(t, "the number", one) }, "", 0},
		{"no value", func(t testing.TB) { testkit.Receive(t, "the number", never()) }, "timed out waiting for the number", testkit.Patience},
		{"a closed channel", func(t testing.TB) { testkit.Receive(t, "the end", closed) }, "", 0},
		{"true at once", func(t testing.TB) { testkit.Eventually(t, "it", func() bool { return true }) }, "", 0},
		{"true later", func(t testing.TB) { testkit.Eventually(t, "it", func() bool { calls++; return calls == 6 }) }, "", 5 * time.Millisecond},
		{"never true", func(t testing.TB) { testkit.Eventually(t, "it", func() bool { return false }) }, "timed out waiting for it", testkit.Patience},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if failure, took := outcome(t, tt.test); failure != tt.failure || took != tt.took {
					t.Errorf("failed with %q after %v, want %q after %v", failure, took, tt.failure, tt.took)
				}
			})
		})
	}
}

// never returns a channel without values, of the current bubble.
func never() chan int { return make(chan int) }

func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			at   time.Duration // when the condition becomes true
			want bool
		}{{0, true}, {30 * time.Millisecond, true}, {95 * time.Millisecond, true}, {101 * time.Millisecond, false}} {
			started := time.Now()
			if got := testkit.WithinEvery(10*time.Millisecond, 95*time.Millisecond, func() bool { return time.Since(started) >= tt.at }); got != tt.want {
				t.Errorf("true after %v: %t, want %t", tt.at, got, tt.want)
			}
		}
	})
}

func TestLog(t *testing.T) {
	var l testkit.Log
	logger := l.Logger(slog.LevelInfo)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			logger.Debug("hidden")
			logger.Info("shown")
			_ = l.String()
		})
	}
	wg.Wait()
	if got := l.String(); strings.Count(got, "msg=shown\n") != 10 || strings.Contains(got, "hidden") {
		t.Errorf("log:\n%s", got)
	}
	logger.Info("other", "n", 1)
	if got := l.Lines("msg=other", "n=1"); len(got) != 1 || !strings.HasSuffix(got[0], "msg=other n=1\n") {
		t.Errorf("lines %q", got)
	}
	if got := l.Lines("msg=shown", "n=1"); got != nil {
		t.Errorf("lines %q", got)
	}
	if got := l.Take(); strings.Count(got, "\n") != 11 || l.String() != "" {
		t.Errorf("took %q, left %q", got, l.String())
	}
}

func TestSteps(t *testing.T) {
	var s testkit.Steps
	s.Want(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 3 {
			s.Add("a")
		}
	})
	s.Want(t, "a", "a", "a")
	wg.Wait()
	if got := s.All(); len(got) != 3 {
		t.Errorf("steps %q", got)
	}
	for _, tt := range []struct {
		want    []string
		failure string
		took    time.Duration
	}{
		{[]string{"a", "b", "a"}, `steps ["a" "a" "a"], want ["a" "b" "a"]`, 0},
		{[]string{"a"}, `steps ["a" "a" "a"], want ["a"]`, 0},
		{[]string{"a", "a", "a", "a"}, `timed out: steps ["a" "a" "a"], want ["a" "a" "a" "a"]`, testkit.Patience},
	} {
		synctest.Test(t, func(t *testing.T) {
			var s testkit.Steps
			for range 3 {
				s.Add("a")
			}
			if failure, took := outcome(t, func(t testing.TB) { s.Want(t, tt.want...) }); failure != tt.failure || took != tt.took {
				t.Errorf("failed with %q after %v, want %q after %v", failure, took, tt.failure, tt.took)
			}
		})
	}
	if got := s.Take(); len(got) != 3 || len(s.Take()) != 0 {
		t.Errorf("took %q", got)
	}
}

func TestListener(t *testing.T) {
	l := testkit.NewListener()
	if l.Addr() == nil {
		t.Error("no address")
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "hello")
		_ = c.Close()
	})
	c, err := l.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); string(b) != "hello" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	wg.Wait()
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a closed listener: %v", err)
	}
	if _, err := l.Dial(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Dial of a closed listener: %v", err)
	}
}

func TestRecorder(t *testing.T) {
	for _, tt := range []struct {
		name     string
		run      func(t testing.TB)
		words    []string
		failures []string // of Want
	}{
		{"as expected", func(t testing.TB) { t.Errorf("%d is odd", 1) }, []string{"1", "odd"}, nil},
		{"Fatalf ends it", func(t testing.TB) { t.Fatalf("first"); t.Errorf("second") }, []string{"first"}, nil},
		{"none", func(testing.TB) {}, []string{"odd"}, []string{`failures [], want one with ["odd"]`}},
		{"two", func(t testing.TB) { t.Errorf("a"); t.Errorf("b") }, []string{"a"}, []string{`failures ["a" "b"], want one with ["a"]`}},
		{"another", func(t testing.TB) { t.Errorf("even") }, []string{"odd"}, []string{`failure "even", want "odd" in it`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			outer := &testkit.Recorder{TB: t}
			r := &testkit.Recorder{TB: outer}
			r.Run(func() { tt.run(r) })
			r.Want(tt.words...)
			if got := outer.Failures(); !slices.Equal(got, tt.failures) {
				t.Errorf("failed with %q, want %q", got, tt.failures)
			}
		})
	}
}

func TestCond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c testkit.Cond
		n := 0
		for i := range 3 {
			time.AfterFunc(time.Duration(i+1)*time.Second, func() { c.Update(func() { n++ }) })
		}
		started := time.Now()
		for _, tt := range []struct {
			n    int
			want bool
			at   time.Duration
		}{{0, true, 0}, {2, true, 2 * time.Second}, {4, false, 7 * time.Second}} {
			if got := c.Wait(5*time.Second, func() bool { return n >= tt.n }); got != tt.want || time.Since(started) != tt.at {
				t.Errorf("%d: %t after %v, want %t after %v", tt.n, got, time.Since(started), tt.want, tt.at)
			}
		}
	})
}
