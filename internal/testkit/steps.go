package testkit

import (
	"slices"
	"testing"
)

// Steps records what happens, in order. It is safe for concurrent use, and its zero value is
// empty.
type Steps struct {
	cond  Cond
	steps []string
}

// Add records a step.
func (s *Steps) Add(step string) { s.cond.Update(func() { s.steps = append(s.steps, step) }) }

// All returns the steps so far.
func (s *Steps) All() []string {
	s.cond.Lock()
	defer s.cond.Unlock()
	return slices.Clone(s.steps)
}

// Take returns the steps so far, and removes them.
func (s *Steps) Take() []string {
	s.cond.Lock()
	defer s.cond.Unlock()
	steps := s.steps
	s.steps = nil
	return steps
}

// Want waits until there are as many steps, and fails the test unless they are equal.
func (s *Steps) Want(t testing.TB, want ...string) {
	t.Helper()
	if !s.cond.Wait(Patience, func() bool { return len(s.steps) >= len(want) }) {
		t.Fatalf("timed out: steps %q, want %q", s.All(), want)
	}
	if got := s.All(); !slices.Equal(got, want) {
		t.Errorf("steps %q, want %q", got, want)
	}
}
