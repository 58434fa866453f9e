package gateway

import (
	"sync"
	"time"
)

// workerPool runs sessions on goroutines that are reused for a while: a new goroutine would
// grow its stack again for every burst of messages.
type workerPool struct {
	next chan *session
	idle chan struct{} // one token for each goroutine that waits
	done chan struct{}
	stop func() // ends the goroutines that wait
}

const (
	maxIdle  = 256         // goroutines that wait at a time
	idleTime = time.Second // after which they end
)

func newWorkerPool() *workerPool {
	p := &workerPool{
		next: make(chan *session),
		idle: make(chan struct{}, maxIdle),
		done: make(chan struct{}),
	}
	p.stop = sync.OnceFunc(func() { close(p.done) })
	return p
}

// run handles the messages of s on a goroutine of the pool.
func (p *workerPool) run(s *session) {
	select {
	case p.next <- s:
	default:
		go p.work(s)
	}
}

func (p *workerPool) work(s *session) {
	late := time.NewTimer(idleTime)
	defer late.Stop()
	for {
		s.drainInbox()
		select {
		case p.idle <- struct{}{}:
		default:
			return
		}
		late.Reset(idleTime)
		select {
		case s = <-p.next:
			<-p.idle
		case <-late.C:
			<-p.idle
			return
		case <-p.done:
			return
		}
	}
}
