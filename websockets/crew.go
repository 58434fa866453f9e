package websockets

import "sync"

// crew runs lanes on goroutines that wait for the next one for as long as the
// application runs: a fresh goroutine would grow its stack anew for every burst
// of messages.
type crew struct {
	next chan *session
	seat chan struct{} // one token for each goroutine that waits
	stop chan struct{}
	end  func() // lets those go that wait
}

// maxWaiting bounds the goroutines that wait. There are never more than lanes
// have run at once.
const maxWaiting = 256

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
	for {
		s.lane()
		select {
		case c.seat <- struct{}{}:
		default:
			return
		}
		select {
		case s = <-c.next:
			<-c.seat
		case <-c.stop:
			return
		}
	}
}
