package record

import (
	"sync"
	"time"
)

// live is what the application of a test does.
type live struct {
	mu      sync.Mutex
	changed chan struct{} // closed with each change
	clients map[string]*liveClient
}

// liveClient is a client of the test, as the server sees it. Guarded by live.mu.
type liveClient struct {
	connect, refused, leave *Line
	ready, left             bool
	messages, replies       int
	answers                 map[int]*Line // or the end of handling, by the numbers of messages
	events                  []*liveEvent  // and calls
	named                   map[string]int
}

// liveEvent is an event that the client was sent.
type liveEvent struct {
	*Line

	nth     int // among those of its name
	matched bool
	after   int // the line that was played when it was sent
}

func newLive() *live {
	return &live{changed: make(chan struct{}), clients: map[string]*liveClient{}}
}

// client returns a client; mu is held.
func (v *live) client(name string) *liveClient {
	c := v.clients[name]
	if c == nil {
		c = &liveClient{answers: map[int]*Line{}, named: map[string]int{}}
		v.clients[name] = c
	}
	return c
}

// add notes what the application has done while a line was played.
func (v *live) add(l *Line, playing int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.client(l.Client)
	switch l.Kind {
	case KindConnect:
		c.connect = l
	case KindRefused:
		c.refused = l
	case KindReady:
		c.ready = true
	case KindSend, KindAsk:
		c.messages++
	case KindReply:
		c.replies++
	case KindAnswer, KindFail, KindDone:
		c.answers[l.Number] = l
	case KindEvent, KindCall:
		c.events = append(c.events, &liveEvent{Line: l, nth: c.named[l.Event], after: playing})
		c.named[l.Event]++
	case KindLeave:
		c.leave = l
	case KindLeft:
		c.left = true
	case KindStart, KindOmitted, KindEnd:
	}
	close(v.changed)
	v.changed = make(chan struct{})
}

// wait waits until a condition holds, and reports whether it does. The condition is called with mu held.
func (v *live) wait(limit time.Duration, holds func() bool) bool {
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		v.mu.Lock()
		ok, changed := holds(), v.changed
		v.mu.Unlock()
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
