package pipeline

import (
	"slices"
	"testing"
)

func TestHidden(t *testing.T) {
	other := NewKey[bool]("other")
	if !(Metadata{other.With(false), Hidden()}).Hidden() || (Metadata{other.With(true)}).Hidden() || Metadata(nil).Hidden() {
		t.Error("only metadata with Hidden is hidden")
	}
}

func TestNames(t *testing.T) {
	var v Values
	if names := v.Names(); len(names) != 0 {
		t.Errorf("%q of no values", names)
	}
	NewValue[int]("b").Set(&v, 1)
	NewValue[string]("a").Set(&v, "x")
	if names := v.Names(); !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("%q", names)
	}
	v.End(func(any) {})
	if names := v.Names(); len(names) != 0 {
		t.Errorf("%q after the end", names)
	}
}
