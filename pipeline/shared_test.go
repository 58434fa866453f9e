package pipeline_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Of returns what Share has encoded, if it is there and fits the type.
func TestShared(t *testing.T) {
	type user struct{ Name string }
	var (
		key     = pipeline.NewValue[user]("user", pipeline.Shared())
		number  = pipeline.NewValue[int]("user", pipeline.Shared())
		absent  = pipeline.NewValue[int]("absent", pipeline.Shared())
		private = pipeline.NewValue[int]("private")
		failing = pipeline.NewValue[any]("failing", pipeline.Shared())
	)
	all := func(pipeline.SharedKey) bool { return true }
	var v pipeline.Values
	if s, err := pipeline.Share(&v, all); s != nil || err != nil {
		t.Errorf("without values: %v, %v", s, err)
	}
	key.Set(&v, user{"ann"})
	private.Set(&v, 1)
	failing.Set(&v, make(chan int))
	s, err := pipeline.Share(&v, all)
	if len(s) != 1 || err == nil {
		t.Errorf("%v, %v", s, err)
	}
	if got, ok := key.Of(s); !ok || got.Name != "ann" {
		t.Errorf("%v, %t", got, ok)
	}
	for name, found := range map[string]bool{"another type": has(number, s), "absent": has(absent, s), "not shared": has(private, s), "nil": has(key, nil)} {
		if found {
			t.Errorf("%s: found", name)
		}
	}
	if s, err := pipeline.Share(&v, func(k pipeline.SharedKey) bool { return k != pipeline.SharedKey(key) && k.String() != "failing" }); s != nil || err != nil {
		t.Errorf("excluded: %v, %v", s, err)
	}
}

func has[T any](k *pipeline.Value[T], s pipeline.SharedValues) bool {
	_, ok := k.Of(s)
	return ok
}
