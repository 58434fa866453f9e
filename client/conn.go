package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Conn is a connection to a gateway of plain WebSocket that reconnects. It is a [websockets.Emitter], a
// [websockets.Caller] and a [websockets.Streamer], for the methods of descriptors. All methods are safe for
// concurrent use. Close it at the end.
type Conn struct {
	opts  Options
	url   *url.URL
	http  *http.Client
	log   *slog.Logger
	lines *logsample.Sampler

	ctx    context.Context // of handlers; ends when the last has returned, or by Close
	cancel context.CancelCauseFunc
	life   context.Context // of attempts and connections; ends with the state Closed
	stop   context.CancelFunc
	opened chan struct{} // closed by the first connection
	closed chan struct{} // closed with the state Closed
	all    sync.WaitGroup
	ended  func() <-chan struct{} // returns a channel that is closed when all goroutines have ended

	recovered  atomic.Bool // see Recovered
	resumption resumption

	mu         sync.Mutex
	state      State
	why        error // of the state Closed, if that was not by Close
	phase      phase
	wasOpen    bool
	link       *link // nil without a connection
	queue      queue // messages that wait for a connection, or for the writer
	room       chan struct{}
	idle       chan struct{} // receives when Close has to look again
	lastID     uint64
	unanswered int // requests, sent or not
	answering  int // calls of the server
	handlers   map[string][]*handler
	answerers  map[string]*answerer
	inbox      inbox
}

// phase is how far a Conn is in its life.
type phase uint8

const (
	fresh   phase = iota
	started       // by Connect
	closing       // no more messages are accepted
	leaving       // by Close, which has waited for what it waits for: events are dropped
)

var (
	_ websockets.Emitter  = (*Conn)(nil)
	_ websockets.Caller   = (*Conn)(nil)
	_ websockets.Streamer = (*Conn)(nil)
)

// New returns a Conn to a URL such as wss://example.com/rooms/{room}, which is not connected: register handlers,
// then call [Conn.Connect]. Messages wait until then.
func New(url string, o Options) (*Conn, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	u, err := addressOf(url, o.Params)
	if err != nil {
		return nil, err
	}
	c := &Conn{
		opts: o, url: u, http: o.HTTPClient,
		opened: make(chan struct{}), closed: make(chan struct{}), idle: make(chan struct{}, 1),
		handlers: map[string][]*handler{}, answerers: map[string]*answerer{},
	}
	c.lines = logsample.New(o.Logger.Handler(), 0)
	c.log = slog.New(c.lines).With("url", shown(u))
	c.inbox.init()
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.life, c.stop = context.WithCancel(context.Background())
	c.ended = sync.OnceValue(func() <-chan struct{} {
		done := make(chan struct{})
		go func() {
			c.all.Wait()
			c.lines.Close()
			close(done)
		}()
		return done
	})
	if c.http == nil {
		c.http = ownClient()
	}
	c.http = withRedirects(c.http)
	return c, nil
}

// Dial is [New] and [Conn.Connect].
func Dial(ctx context.Context, url string, o Options) (*Conn, error) {
	c, err := New(url, o)
	if err != nil {
		return nil, err
	}
	if err := c.Connect(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Connect connects, and returns when the connection is open for the first time. It makes attempts until ctx ends, since services
// start in any order; afterwards ctx has no effect. It fails at once where another attempt would be in vain: when
// the server refuses the handshake with a status from 400 to 499 other than 408, 425 and 429, which is a
// *[websockets.Error], when it closes the connection for good, and by an error of OnConnect or [ErrNoToken].
// With an error the Conn is closed.
func (c *Conn) Connect(ctx context.Context) error {
	c.mu.Lock()
	switch {
	case c.phase >= closing:
		c.mu.Unlock()
		return fmt.Errorf("client: connect to %s: %w", shown(c.url), ErrClosed)
	case c.phase == started:
		c.mu.Unlock()
		return fmt.Errorf("client: connect to %s: Connect was called before: a Conn reconnects by itself", shown(c.url))
	}
	c.phase = started
	attempts := &attempts{Conn: c}
	c.all.Go(attempts.run)
	c.all.Go(c.dispatch)
	c.mu.Unlock()
	var err error
	select {
	case <-c.opened:
		return nil
	case <-c.closed:
		if err = c.cause(); err == nil {
			err = ErrClosed
		}
	case <-ctx.Done():
		err = context.Cause(ctx)
		if last := attempts.last(); last != nil {
			err = fmt.Errorf("%w; the last attempt: %w", err, last)
		}
		c.finish(err)
	}
	<-c.ended()
	return fmt.Errorf("client: connect to %s: %w", shown(c.url), err)
}

// State returns how it is connected.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Recovered reports whether the connection is that of the same client as the one before, with its id, rooms and values: then its handlers
// receive each event that it has missed, once and in order. It is false for a first connection, after a loss of more than the server
// keeps, and where the server has no Recovery (see ws.Recovery): then load anew what you know of the server. It changes before OnConnect and
// before the state [Open], where you read it.
func (c *Conn) Recovered() bool { return c.recovered.Load() }

// cause returns why it is closed; nil by Close.
func (c *Conn) cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// Close closes the connection, and returns when no goroutine of the Conn is left. New messages fail with [ErrClosed]. While the
// connection is open and ctx has not ended, waiting messages are sent first, requests are answered, and
// the functions of [Answer] return. Without a deadline in ctx that takes Timeout at most. The error says what was cut off, or that a
// function of the application has not returned.
//
// Do not call it in a handler, for whose end it waits.
func (c *Conn) Close(ctx context.Context) error {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.opts.Timeout)
		defer cancel()
	}
	c.mu.Lock()
	first := c.phase < closing
	c.phase = max(c.phase, closing)
	c.mu.Unlock()
	var cut error
	if first {
		cut = c.drain(ctx)
	}
	c.mu.Lock()
	c.phase = leaving
	c.inbox.again()
	l := c.link
	c.mu.Unlock()
	if l != nil {
		l.leave(ctx)
	}
	c.finish(nil)
	c.cancel(ErrClosed)
	select {
	case <-c.ended():
		return cut
	case <-ctx.Done():
	}
	select {
	case <-c.ended():
		return cut
	default:
		return errors.Join(cut, fmt.Errorf("client: close: a function of the application has not returned: %w", context.Cause(ctx)))
	}
}

// drain waits until nothing is to be sent or answered. The error has what is left.
func (c *Conn) drain(ctx context.Context) error {
	for {
		c.mu.Lock()
		open, messages, requests, calls := c.state == Open, c.queue.n, c.unanswered, c.answering
		if l := c.link; l != nil {
			messages += l.urgent.n
			if l.writing.Load() {
				messages++
			}
		}
		c.mu.Unlock()
		if messages+requests+calls == 0 {
			return nil
		}
		cut := func(why error) error {
			return fmt.Errorf("client: close: %d messages were not sent, %d requests and %d calls of the server not answered: %w", messages, requests, calls, why)
		}
		if !open {
			return cut(ErrDisconnected)
		}
		select {
		case <-c.idle:
		case <-ctx.Done():
			return cut(context.Cause(ctx))
		}
	}
}

// progress has drain look again. c.mu is held.
func (c *Conn) progress() {
	if c.phase < closing {
		return
	}
	select {
	case c.idle <- struct{}{}:
	default:
	}
}

// finish closes it for good; why is nil by Close.
func (c *Conn) finish(why error) {
	c.mu.Lock()
	if c.state == Closed {
		c.mu.Unlock()
		return
	}
	c.state, c.phase, c.why = Closed, max(c.phase, closing), why
	l := c.link
	for m := c.queue.pop(); m != nil; m = c.queue.pop() {
		c.unsent(m, c.closedError())
	}
	c.wake()
	close(c.closed)
	c.mu.Unlock()
	if l != nil {
		l.lost(c.closedError(), false)
	}
	c.stop()
}

// closedError returns the error of messages of a closed Conn. c.why does not change any more.
func (c *Conn) closedError() error {
	if c.why != nil {
		return fmt.Errorf("%w: %w", ErrClosed, c.why)
	}
	return ErrClosed
}

// pause waits; false if it is closed meanwhile.
func (c *Conn) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.closed:
		return false
	}
}
