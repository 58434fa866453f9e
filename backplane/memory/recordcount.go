package memory

import "time"

// Records returns how many records of clients a bus with [Log] has.
func (bus *Bus) Records() (n int) {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	for _, r := range bus.log.records {
		if r.until.After(time.Now()) {
			n++
		}
	}
	return n
}
