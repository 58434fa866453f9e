// Package eventname keeps the names of events that clients send again and again, so that not every message
// allocates its own.
package eventname

import "sync/atomic"

// slots is how many names a Cache keeps.
const slots = 256

// MaxKept is the longest name that a Cache keeps, in bytes.
const MaxKept = 64

// Cache keeps some of the names that were asked for last: a new one takes the place of another, so that it
// does not grow. The zero value is ready to use; nil keeps none. It is safe for concurrent use, and its readers share no lock.
type Cache struct{ names [slots]atomic.Pointer[string] }

// Get returns string(b).
func (c *Cache) Get(b []byte) string {
	if c == nil || len(b) == 0 || len(b) > MaxKept {
		return string(b)
	}
	slot := &c.names[(uint(len(b))*31+uint(b[0])*7+uint(b[len(b)/2])*3+uint(b[len(b)-1]))%slots]
	if name := slot.Load(); name != nil && *name == string(b) {
		return *name
	}
	name := string(b)
	slot.Store(&name)
	return name
}
