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
		for k, who := range set {
			k.Set(v, who)
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
			t.Errorf("%v, %v: %t, %t", c.a, c.b, same, known)
		}
	}
	if who, ok := one.Get(of(ids{one: "x"})); who != "x" || !ok {
		t.Errorf("%q, %t", who, ok)
	}
	if who, ok := two.Get(of(ids{one: "x"})); who != "" || ok {
		t.Errorf("%q, %t", who, ok)
	}
}

// knowing is a guard that is an IdentityGuard.
type knowing bool

func (knowing) Check(context.Context, *pipeline.Call) error { return nil }
func (k knowing) Identifies() bool                          { return bool(k) }

func TestOnlyKeepsIdentity(t *testing.T) {
	unknown := pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return nil })
	for _, c := range []struct {
		guard    pipeline.Guard
		kind     pipeline.Kind
		is, want bool
	}{
		{knowing(true), pipeline.KindConnect, true, true},
		{knowing(false), pipeline.KindConnect, true, false},
		{unknown, pipeline.KindConnect, false, false},
		{unknown, pipeline.KindMessage, true, false},
		{knowing(true), pipeline.KindHTTP, true, false},
	} {
		g, is := pipeline.Only(c.guard, c.kind).(pipeline.IdentityGuard)
		if is != c.is || is && g.Identifies() != c.want {
			t.Errorf("%T for %s: an IdentityGuard: %t", c.guard, c.kind, is)
		}
	}
}
