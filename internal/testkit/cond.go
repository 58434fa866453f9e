package testkit

import (
	"sync"
	"time"
)

// Cond guards state of which others wait for changes. Its zero value is ready for use.
type Cond struct {
	sync.Mutex

	changed chan struct{} // closed by the next Update; nil while none waits
}

// Update changes the state with f under the lock, and wakes all that wait.
func (c *Cond) Update(f func()) {
	c.Lock()
	defer c.Unlock()
	f()
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// Wait calls done under the lock, now and after each Update, until it returns true or d has
// passed. It returns the last result.
func (c *Cond) Wait(d time.Duration, done func() bool) bool {
	late := time.NewTimer(d)
	defer late.Stop()
	for {
		ok, changed := c.check(done)
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-late.C:
			return false
		}
	}
}

func (c *Cond) check(done func() bool) (bool, <-chan struct{}) {
	c.Lock()
	defer c.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return done(), c.changed
}
