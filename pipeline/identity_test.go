package pipeline_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

func TestSameIdentity(t *testing.T) {
	one, two := pipeline.NewIdentity("one"), pipeline.NewIdentity("two")
	of := func(set map[*pipeline.Identity]string) *pipeline.Values {
		v := new(pipeline.Values)
		pipeline.NewValue[string]("another").Set(v, "value")
		for k, id := range set {
			k.Set(v, id)
		}
		return v
	}
	type ids = map[*pipeline.Identity]string
	for _, c := range []struct {
		a, b        ids
		same, known bool
	}{
		{nil, nil, true, false},
		{ids{one: "x"}, ids{one: "x"}, true, true},
		{ids{one: ""}, ids{one: ""}, true, true},
		{ids{one: "x"}, ids{one: "y"}, false, true},
		{ids{one: "x"}, nil, false, true},
		{nil, ids{one: "x"}, false, true},
		{ids{one: "x"}, ids{two: "x"}, false, true},
		{ids{one: "x", two: "y"}, ids{one: "x", two: "y"}, true, true},
		{ids{one: "x", two: "y"}, ids{one: "x"}, false, true},
	} {
		if same, known := pipeline.SameIdentity(of(c.a), of(c.b)); same != c.same || known != c.known {
			t.Errorf("%v, %v: same %t, known %t, want %t, %t", c.a, c.b, same, known, c.same, c.known)
		}
	}
	if id, ok := one.Get(of(ids{one: "x"})); id != "x" || !ok {
		t.Errorf("set: %q, %t", id, ok)
	}
	if id, ok := two.Get(of(ids{one: "x"})); id != "" || ok {
		t.Errorf("not set: %q, %t", id, ok)
	}
}

// identityGuard returns its value from Identifies.
type identityGuard bool

func (identityGuard) Check(context.Context, *pipeline.Call) error { return nil }
func (g identityGuard) Identifies() bool                          { return bool(g) }

func TestOnlyKeepsIdentity(t *testing.T) {
	plain := pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return nil })
	for _, c := range []struct {
		guard    pipeline.Guard
		kind     pipeline.Kind
		is, want bool
	}{
		{identityGuard(true), pipeline.KindConnect, true, true},
		{identityGuard(false), pipeline.KindConnect, true, false},
		{plain, pipeline.KindConnect, false, false},
		{plain, pipeline.KindMessage, true, false},
		{identityGuard(true), pipeline.KindHTTP, true, false},
	} {
		g, is := pipeline.Only(c.guard, c.kind).(pipeline.IdentityGuard)
		if is != c.is || is && g.Identifies() != c.want {
			t.Errorf("Only(%T, %s): IdentityGuard %t, want %t", c.guard, c.kind, is, c.is)
		}
	}
}
