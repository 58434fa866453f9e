package client

import (
	"math"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// receive handles a message of the server. What it keeps of it is copied.
func (l *link) receive(f frame) {
	l.exception = nil
	kept := true
	switch {
	case !f.hasEvent && f.id == nil: // another session
	case !f.hasEvent:
		l.answered(f, nil)
	case f.event == l.opts.ExceptionEvent && f.id != nil:
		l.answered(f, serverError(clone(f.data)))
	case f.re != nil:
		l.item(requestID(f.re), f.data)
	case f.id != nil:
		l.asked(f)
	default:
		data := clone(f.data)
		switch f.event {
		case websockets.EventShutdown:
			l.shutdown(data)
		case l.opts.ExceptionEvent:
			l.exception = serverError(data)
		}
		kept = l.deliver(event{f.event, data})
	}
	if kept && f.pos != nil { // otherwise the next connection brings it again
		l.resumption.moveTo(f.pos)
	}
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// answered ends a request.
func (l *link) answered(f frame, failure *websockets.Error) {
	id := requestID(f.id)
	l.mu.Lock()
	r := l.sent[id]
	if r != nil {
		delete(l.sent, id)
		l.unanswered--
		l.progress()
	}
	l.mu.Unlock()
	switch {
	case r == nil:
	case failure != nil:
		r.end(result{err: failure})
	case r.items != nil:
		r.end(result{})
	default:
		r.end(result{payload: websockets.Payload{JSON: clone(f.data)}})
	}
}

// item passes an item to its stream.
func (l *link) item(id uint64, data []byte) {
	l.mu.Lock()
	r := l.sent[id]
	l.mu.Unlock()
	if r != nil && r.items != nil && !r.items.push(clone(data)) {
		l.withdraw(r)
		r.items.end(ErrTooSlow)
	}
}

// shutdown notes when the server wants the client back.
func (l *link) shutdown(data []byte) {
	var s websockets.Shutdown
	if err := (websockets.Payload{JSON: data}).Decode(&s); err != nil {
		return
	}
	after := longestResume
	if s.RetryAfter < math.MaxInt64/int64(time.Millisecond) {
		after = min(after, time.Duration(s.RetryAfter)*time.Millisecond)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stage != over {
		l.resume = time.Now().Add(max(0, after))
	}
}
