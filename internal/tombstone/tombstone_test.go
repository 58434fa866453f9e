package tombstone

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func want(t *testing.T, s *Set, id string, known bool) {
	t.Helper()
	if s.Has(id) != known || s.Take(id) != known || s.Has(id) || s.Take(id) {
		t.Errorf("%q was not remembered once: %t", id, known)
	}
}

func TestOnce(t *testing.T) {
	var s Set
	want(t, &s, "a", false)
	s.Add("a")
	s.Add("b")
	s.Add("a")
	want(t, &s, "b", true)
	want(t, &s, "a", true)
	want(t, &s, "c", false)
}

func TestMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Set
		s.Add("a")
		<-time.After(Moment - 1)
		s.Add("b")
		want(t, &s, "a", true)
		s.Add("c")
		<-time.After(Moment - 1)
		want(t, &s, "b", true)
		<-time.After(1)
		want(t, &s, "c", false)
		s.Add("d")
		if len(s.at) != 1 || len(s.order) != 1 {
			t.Errorf("%d ids and %d places are kept of 1", len(s.at), len(s.order))
		}
	})
}

// However many sessions end, Most of them are kept, the last ones, and their memory is bounded.
func TestMost(t *testing.T) {
	var s Set
	for i := range 20 * Most {
		id := strconv.Itoa(i)
		s.Add(id)
		if i%3 == 0 {
			s.Take(id)
		}
		if len(s.at) > Most || len(s.order) > Most || cap(s.order) > 4*Most {
			t.Fatalf("after %d: %d ids, %d places of %d", i, len(s.at), len(s.order), cap(s.order))
		}
	}
	want(t, &s, strconv.Itoa(20*Most-2), true)
	want(t, &s, strconv.Itoa(19*Most), true)
	want(t, &s, strconv.Itoa(19*Most-1), false)
}
