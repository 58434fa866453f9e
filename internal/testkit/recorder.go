package testkit

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Recorder is a test whose failures are expected: it records them and does not fail. TB is the
// test that runs. Code that may call Fatalf must run in [Recorder.Run].
type Recorder struct {
	testing.TB

	mu       sync.Mutex
	failures []string
}

// Helper implements [testing.TB].
func (*Recorder) Helper() {}

// Errorf implements [testing.TB].
func (r *Recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// Fatalf implements [testing.TB]. It ends only the function passed to Run.
func (r *Recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// Run runs a function that may call Fatalf, and waits for it.
func (r *Recorder) Run(f func()) {
	var all sync.WaitGroup
	all.Go(f)
	all.Wait()
}

// Failures returns the failures so far.
func (r *Recorder) Failures() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.failures)
}

// Want checks that exactly one failure was recorded, and contains the words.
func (r *Recorder) Want(words ...string) {
	r.TB.Helper()
	failures := r.Failures()
	if len(failures) != 1 {
		r.TB.Errorf("failures %q, want one with %q", failures, words)
		return
	}
	for _, w := range words {
		if !strings.Contains(failures[0], w) {
			r.TB.Errorf("failure %q, want %q in it", failures[0], w)
		}
	}
}
