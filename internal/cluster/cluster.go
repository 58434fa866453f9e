// Package cluster is a node's side of its backplane: it numbers, queues and sends what other nodes
// are to receive, delivers what they send, and knows which of them live.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
)

// Errors of Send.
var (
	// ErrFull: too much waits to be sent.
	ErrFull = errors.New("the queue of the backplane is full")
	// ErrStopped: the node has not started or has stopped.
	ErrStopped = errors.New("the backplane does not run")
	// ErrNowhere is an ErrFull: with a log, so much waits for the clients of this node that they do not receive it either.
	ErrNowhere = fmt.Errorf("%w, and that to the clients of this node", ErrFull)
)

const (
	// startWait is how long a start waits for a service that is not required.
	startWait = 5 * time.Second
	// sendWait is how long Send and Interest of an engine may take.
	sendWait = 2 * time.Second
	// flushWait is how long a stop sends what waits.
	flushWait = time.Second
)

// Config describes a node.
type Config struct {
	Backplane backplane.Backplane
	Options   backplane.Options
	// Self returns the node as it is now. Its ID is constant.
	Self func() backplane.Node
	// Endpoints are those of the node, each once.
	Endpoints []Endpoint
	// Deliver handles an event, join, leave, disconnect, call, fetch, node event, presence message or message about a claim
	// of another node, of which m has the selection; load reads the rest into m, which is done for those of presence and
	// claims. Both are valid until Deliver returns. Messages of
	// one node are delivered in their order, one at a time. An error, that of load included,
	// refuses the message.
	Deliver func(m *backplane.Message, load Load) error
	// Passed, if set, is called when the messages for clients of a node are known to have arrived, or to be lost, up to
	// a number, other than by Deliver. Calls about one node do not run beside Deliver of its messages.
	Passed func(origin string, seq uint64)
	// Entries, if set, handles what a [backplane.Log] passes on. Deliver handles the questions and node events of it.
	Entries LogHandler
	// Gap, if set, is called, without Entries, when messages of another node were lost, before Deliver of a later one and before Passed. It
	// returns at once.
	Gap func(Loss)
	// Left, if set, is called when a node has left, and everything that it has sent to clients has arrived, or is lost.
	Left func(origin string)
	// Members, if set, is called when a node has joined or left, from any goroutine. It must not wait.
	Members func()
	// Observe, if set, is called about changes and losses, from any goroutine.
	Observe func(Step)
	Log     *slog.Logger
}

// Loss is messages for clients, by their numbers, that have not arrived from another node. What it had sent by Since has
// arrived, or is in an earlier loss.
type Loss struct {
	Origin      string
	First, Last uint64
	Since       time.Time
}

// Load reads the rest of a message.
type Load = func() (*backplane.Message, error)

// Cluster is this node among others. All methods are safe for concurrent use.
type Cluster struct {
	cfg     Config
	id      string
	own     string // the channel of the node
	traits  backplane.Traits
	servers *backplane.Node // of other software, which the engine answers for; nil without any
	limits  envelope.Limits
	reads   versions
	log     *slog.Logger
	out     outbox
	members members
	link    linkState
	resume  resume
	in      []*worker
	entries *logReader // nil without a log
	counts  counts
	again   again // of run
	// reportedGaps and reportedDrops are those that observers have seen; of run.
	reportedGaps, reportedDrops uint64

	questions questions

	started  atomic.Bool
	stopOnce sync.Once
	stopping chan struct{} // closed by Stop
	stopped  chan struct{} // closed when run has returned
	sendCtx  context.Context
	endSends context.CancelFunc
	workers  sync.WaitGroup

	gapLog, badLog, sendLog, againLog, muteLog, endpointLog, localLog logsample.Minute
}

// New returns a node that has not started.
func New(cfg Config) *Cluster {
	c := &Cluster{
		cfg: cfg, id: cfg.Self().ID, traits: cfg.Backplane.Traits(), log: cfg.Log.With("backplane", cfg.Backplane.Name()),
		stopping: make(chan struct{}), stopped: make(chan struct{}),
	}
	if b, is := cfg.Backplane.(backplane.Bridge); is {
		n := b.Servers()
		c.servers = &n
	}
	c.reads = versions{0, envelope.MaxVersion}
	c.own = backplane.ChannelNode(c.id)
	c.sendCtx, c.endSends = context.WithCancel(context.Background())
	c.out.init(c.id, cfg.Options)
	c.members.init()
	c.link.changed = c.changed
	c.chooseVersion()
	c.in = newWorkers(c)
	if log, is := cfg.Backplane.(backplane.Log); is && cfg.Entries != nil {
		c.entries = newLogReader(c, log, cfg.Entries)
	}
	return c
}

// Start connects. Without Options.Required, a service that cannot be reached is logged, and no
// error. Stop must be called in any case.
func (c *Cluster) Start(ctx context.Context) error {
	if c.started.Swap(true) {
		return errors.New("the backplane has been started already")
	}
	for _, w := range c.in {
		c.workers.Go(w.run)
	}
	if c.entries != nil {
		c.workers.Go(c.entries.run)
	}
	if err := c.connect(ctx); err != nil {
		close(c.stopped)
		return err
	}
	go c.run()
	return nil
}

func (c *Cluster) connect(ctx context.Context) error {
	b, required := c.cfg.Backplane, c.cfg.Options.Required
	if u, uses := b.(backplane.LoggerUser); uses {
		u.SetLogger(c.log)
	}
	startCtx, cancel := ctx, func() {}
	if !required {
		startCtx, cancel = context.WithTimeout(ctx, startWait)
	}
	err := b.Start(startCtx, c.cfg.Self(), c.inbound())
	cancel()
	if wrong, is := errors.AsType[*backplane.SetupError](err); is {
		return wrong
	}
	switch {
	case err != nil && required:
		return fmt.Errorf("%s is not connected: %w: start its service, or remove backplane.Required", b.Name(), err)
	case err != nil:
		c.link.failed(err)
	}
	if !c.traits.Interest {
		return nil
	}
	interestCtx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	err = b.Interest(interestCtx, []string{backplane.ChannelNodes, backplane.ChannelEvents, backplane.ChannelPresence, c.own}, nil)
	if err != nil && required {
		return fmt.Errorf("%s does not subscribe: %w", b.Name(), err)
	}
	return nil // the engine subscribes when it is connected
}

// Check returns the error of a message that other nodes would not accept.
func (c *Cluster) Check(m *backplane.Message) error {
	if err := c.limits.Check(m); err != nil {
		return err
	}
	if n := envelope.Size(m); c.traits.MaxBytes > 0 && n > c.traits.MaxBytes {
		return fmt.Errorf("message of %d bytes: %w of %d of the backplane", n, envelope.ErrLimit, c.traits.MaxBytes)
	}
	return nil
}

// Part returns how many bytes a message that is one of several should have: n, or what the backplane takes.
func (c *Cluster) Part(n int) int {
	if most := c.traits.MaxBytes; most > 0 {
		return min(n, most/2)
	}
	return n
}

// Send queues a message for the other nodes, and owns it. It does not wait. The error is ErrFull
// or ErrStopped.
func (c *Cluster) Send(m *backplane.Message) error {
	_, err := c.queue(&entry{m: m})
	return err
}

// SendSpare is Send for what is large and can wait, such as what a client has missed: it waits until less than a quarter of the
// queue is used, so that the rest is left to events, or until ctx ends.
func (c *Cluster) SendSpare(ctx context.Context, m *backplane.Message) error {
	e := &entry{m: m}
	for {
		wait, err := c.out.pushSpare(e)
		if wait == nil {
			return err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrFull, context.Cause(ctx))
		}
	}
}

// SendNumbered is Send, and returns the number of the message, which is used up by ErrFull too.
func (c *Cluster) SendNumbered(m *backplane.Message) (seq uint64, err error) {
	return c.queue(&entry{m: m})
}

// SendEvent is SendNumbered.
func (c *Cluster) SendEvent(e *Event) (seq uint64, err error) {
	seq, err = c.queue(&e.entry)
	if err != nil && c.entries == nil { // clients of this node may get it still
		e.Release()
	}
	return seq, err
}

func (c *Cluster) queue(e *entry) (seq uint64, err error) {
	seq, dropped, err := c.out.push(e)
	if dropped > 0 {
		c.dropped(dropped, ErrFull)
	}
	return seq, err
}

// Numbered returns the number of the last message for clients.
func (c *Cluster) Numbered() uint64 { return c.out.last(backplane.ChannelEvents) }

// Lives reports whether another node is known.
func (c *Cluster) Lives(id string) bool { return c.members.has(id) }

// Health returns how well the node is connected.
func (c *Cluster) Health() Health { return c.link.health() }

// Nodes returns the nodes that live, this one included, in the order of their start.
func (c *Cluster) Nodes() []backplane.Node { return c.members.all(c.cfg.Self()) }

// Others returns the nodes that live without this one.
func (c *Cluster) Others() []backplane.Node { return c.members.others() }

// Announce has the others learn soon how this node is.
func (c *Cluster) Announce() { c.out.requestBeat() }

// Stop sends what waits, for a second at most, then a Bye, and disconnects. It returns when ctx
// ends at the latest.
func (c *Cluster) Stop(ctx context.Context) error {
	var err error
	c.stopOnce.Do(func() { err = c.stop(ctx) })
	return err
}

func (c *Cluster) stop(ctx context.Context) error {
	defer c.endSends()
	if !c.started.Swap(true) {
		return nil
	}
	close(c.stopping)
	limit := time.NewTimer(flushWait + sendWait)
	defer limit.Stop()
	select {
	case <-c.stopped:
	case <-ctx.Done():
	case <-limit.C: // an engine that ignores its context
	}
	c.resume.end()
	c.out.close()
	c.endSends()
	stopCtx, cancel := context.WithTimeout(ctx, flushWait+sendWait)
	defer cancel()
	err := c.cfg.Backplane.Stop(stopCtx)
	for _, w := range c.in {
		w.close()
	}
	if c.entries != nil {
		c.entries.close()
	}
	done := make(chan struct{})
	go func() { c.workers.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, errors.New("a message of another node is still being handled"))
	}
	if err != nil {
		return fmt.Errorf("backplane %s: %w", c.cfg.Backplane.Name(), err)
	}
	return nil
}
