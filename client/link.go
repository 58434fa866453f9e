package client

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// link is one connection of a Conn.
type link struct {
	*Conn

	ws   *websocket.Conn
	net  net.Conn // nil if an http.RoundTripper of the application does not report it
	ctx  context.Context
	stop context.CancelFunc
	done chan struct{} // closed when it is lost
	all  sync.WaitGroup
	work chan struct{} // receives when there is something to write
	buf  []byte        // of the reader

	protocol  protocol          // of the reader
	session   chan struct{}     // closed by the first frame of gatehouse.v1; at once without it
	exception *websockets.Error // of the reader: the last frame, if that was an error which belongs to no request

	receivedAt atomic.Int64 // when something was received from the server last, since epoch
	epoch      time.Time
	writing    atomic.Bool
	paused     atomic.Bool // the reader waits for handlers

	// Conn.mu guards the following fields. err, final and resume do not change once it is over.
	stage  stage
	sent   map[uint64]*request // requests that are not answered
	urgent queue               // answers, cancels, and what OnConnect sends
	err    error               // why it is lost
	final  bool                // for good
	resume time.Time           // when the server wants the client back; zero for no wish
}

// stage is how far a link is in its life.
type stage uint8

const (
	preparing stage = iota // OnConnect runs
	ready                  // messages that wait are sent
	over                   // it is lost
)

func newLink(c *Conn) *link {
	l := &link{Conn: c, done: make(chan struct{}), session: make(chan struct{}), work: make(chan struct{}, 1), sent: map[uint64]*request{}, epoch: time.Now()}
	l.ctx, l.stop = context.WithCancel(c.life)
	return l
}

// start starts the goroutines.
func (l *link) start(ws *websocket.Conn) {
	l.ws = ws
	l.noteReceived()
	l.recovered.Store(false)
	l.speak(protocolOf(ws))
	l.mu.Lock()
	l.link = l
	closed := l.state == Closed
	l.mu.Unlock()
	if closed { // finish has not seen it
		l.lost(ErrClosed, false)
	}
	l.all.Go(l.read)
	l.all.Go(l.write)
	if l.opts.PingInterval > 0 {
		l.all.Go(l.watch)
	}
}

// end waits until the goroutines of a lost connection have ended.
func (l *link) end() {
	l.drop()
	l.all.Wait()
}

// drop closes the socket.
func (l *link) drop() {
	if l.net != nil {
		_ = l.net.Close()
	}
	_ = l.ws.CloseNow()
}

// leave closes the connection by a close frame, and waits for that of the server.
func (l *link) leave(ctx context.Context) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = l.ws.Close(websocket.StatusNormalClosure, "") // within 10 s
	}()
	select {
	case <-closed:
	case <-ctx.Done():
		if l.net != nil {
			_ = l.net.Close()
			<-closed
		}
	}
}

// lost ends it: requests without an answer fail. final is for good.
func (l *link) lost(err error, final bool) {
	l.mu.Lock()
	if l.stage == over {
		l.mu.Unlock()
		return
	}
	l.stage, l.err, l.final = over, err, final
	if l.link == l {
		l.link = nil
	}
	if l.state == Open {
		l.state = Waiting
	}
	end := ErrDisconnected
	if l.state == Closed || l.phase == leaving {
		end = l.closedError()
	} else if err != nil {
		end = fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	for _, r := range l.sent {
		r.end(result{err: fmt.Errorf("%w: %w", end, ErrUnanswered)})
	}
	l.unanswered -= len(l.sent)
	l.sent = nil
	for m := l.urgent.pop(); m != nil; m = l.urgent.pop() {
		l.unsent(m, end)
	}
	l.wake()
	l.progress()
	l.mu.Unlock()
	l.stop()
	close(l.done)
}

// unsent ends a message that is not sent. c.mu is held.
func (c *Conn) unsent(m *message, err error) {
	if m.req != nil {
		c.unanswered--
		m.req.end(result{err: err})
	}
}
