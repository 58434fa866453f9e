package client

import (
	"context"
	"time"

	"github.com/coder/websocket"
)

// wakeWriter has the writer look for messages. c.mu is held.
func (l *link) wakeWriter() {
	select {
	case l.work <- struct{}{}:
	default:
	}
}

// writerPatience is how long the reader has, after a failed write, to read why the server has closed the connection.
const writerPatience = time.Second

// write sends messages in order.
func (l *link) write() {
	for {
		m := l.take()
		if m == nil {
			select {
			case <-l.work:
				continue
			case <-l.done:
				return
			}
		}
		err := l.ws.Write(context.Background(), websocket.MessageText, m.text) // ends with the socket
		l.written()
		if err != nil {
			l.failedToWrite(err)
			return
		}
	}
}

// failedToWrite loses the connection, unless the reader finds out why it is closed.
func (l *link) failedToWrite(err error) {
	t := time.NewTimer(writerPatience)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.done:
	}
	l.lost(err, false)
	l.drop()
}

// take returns the next message, which is sent from now on; nil without one.
func (l *link) take() *message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stage == over {
		return nil
	}
	from := &l.urgent
	m := from.pop()
	if m == nil && l.stage == ready {
		from = &l.queue
		m = from.pop()
	}
	if m == nil {
		return nil
	}
	l.wakeIfLow(from)
	l.writing.Store(true)
	if m.req != nil {
		l.sent[m.req.id] = m.req
		m.req.link = l
	}
	return m
}

// written notes that the message of take is written.
func (l *link) written() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing.Store(false)
	l.progress()
}
