package merge_test

import (
	"reflect"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/merge"
)

type inner struct {
	A, B int
	P    *inner
}

type options struct {
	N     int
	S     []string
	F     func()
	I     any
	Inner inner
}

func TestFields(t *testing.T) {
	own := &inner{A: 3}
	base := options{N: 1, S: []string{"a"}, I: "i", Inner: inner{A: 1, B: 2, P: &inner{B: 4}}}
	for _, tt := range []struct{ next, want options }{
		{options{}, base},
		{options{N: -1}, options{N: -1, S: base.S, I: "i", Inner: base.Inner}},
		{options{S: []string{}}, options{N: 1, S: []string{}, I: "i", Inner: base.Inner}}, // set, and empty
		{options{I: 5}, options{N: 1, S: base.S, I: 5, Inner: base.Inner}},
		{options{Inner: inner{B: 7}}, options{N: 1, S: base.S, I: "i", Inner: inner{A: 1, B: 7, P: base.Inner.P}}},
		{options{Inner: inner{P: own}}, options{N: 1, S: base.S, I: "i", Inner: inner{A: 1, B: 2, P: own}}}, // a pointer is one value
	} {
		if got := merge.Fields(base, tt.next); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%+v: merged to %+v, want %+v", tt.next, got, tt.want)
		}
	}
	called := false
	merge.Fields(base, options{F: func() { called = true }}).F()
	if !called || base.N != 1 || len(base.S) != 1 {
		t.Errorf("called: %t; the base became %+v", called, base)
	}
}

func TestAll(t *testing.T) {
	got, err := merge.All(options{N: 1}, []any{options{N: 2}, options{I: "i"}, options{N: 3}}, "wrong %T")
	if want := (options{N: 3, I: "i"}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("merged to %+v, %v, want %+v", got, err, want)
	}
	if _, err := merge.All(options{}, []any{options{}, inner{}}, "wrong %T"); err == nil || err.Error() != "wrong merge_test.inner" {
		t.Errorf("another type: %v", err)
	}
}
