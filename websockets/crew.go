package websockets

import (
	"sync"
	"time"
)

// crew runs lanes on goroutines that wait a while for the next one: a fresh
// goroutine would grow its stack anew for every burst of messages.
type crew struct {
	next chan *session
	seat chan struct{} // one token for each goroutine that waits
	stop chan struct{}
	end  func() // lets those go that wait
}

// Goroutines that wait are never more than lanes have run at once, and end when
// nothing has come for the time.
const (
	maxWaiting  = 256
	maxWaitTime = time.Second
)

func newCrew() *crew {
	c := &crew{
		next: make(chan *session),
		seat: make(chan struct{}, maxWaiting),
		stop: make(chan struct{}),
	}
	c.end = sync.OnceFunc(func() { close(c.stop) })
	return c
}

// run begins a lane of s.
func (c *crew) run(s *session) {
	select {
	case c.next <- s:
	default:
		go c.work(s)
	}
}

func (c *crew) work(s *session) {
	late := time.NewTimer(maxWaitTime)
	defer late.Stop()
	for {
		s.lane()
		select {
		case c.seat <- struct{}{}:
		default:
			return
		}
		late.Reset(maxWaitTime)
		select {
		case s = <-c.next:
			<-c.seat
		case <-late.C:
			<-c.seat
			return
		case <-c.stop:
			return
		}
	}
}
