package connection

import (
	"sync"
	"testing"
)

func TestBudget(t *testing.T) {
	var b Budget
	if b.Reserve(10, 4) != nil { // alone, it may be larger than all
		t.Fatal("10 of 4 bytes were refused though nothing else was taken")
	}
	freed := b.Reserve(1, 4)
	if freed == nil {
		t.Fatal("a full Budget took more")
	}
	b.Release(10)
	<-freed
	if b.Reserve(3, 4) != nil || b.Reserve(1, 4) != nil {
		t.Error("what was released cannot be taken")
	}
	if b.Reserve(1, 4) == nil {
		t.Error("5 of 4 bytes were taken")
	}
}

// Every caller wakes up when memory is released.
func TestBudgetWakes(t *testing.T) {
	var b Budget
	const limit = 3
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 2000 {
				for freed := b.Reserve(1, limit); freed != nil; freed = b.Reserve(1, limit) {
					<-freed
				}
				if used := b.used.Load(); used > limit+8 { // others may be trying
					t.Errorf("%d bytes are taken", used)
				}
				b.Release(1)
			}
		})
	}
	all.Wait()
	if used := b.used.Load(); used != 0 {
		t.Errorf("%d bytes are left", used)
	}
}
