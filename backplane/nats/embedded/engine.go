package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
)

const (
	// openWait bounds the start of the server.
	openWait = 5 * time.Second
	// joinWait is how long Start waits for connections to the peers.
	joinWait = 500 * time.Millisecond
	// settleWait is how long a node waits for the others to confirm.
	settleWait = 250 * time.Millisecond
	// watchEvery is how often the connections to other nodes are looked at.
	watchEvery = 100 * time.Millisecond
	// resolveEvery is how often the names of peers are resolved again.
	resolveEvery = 10 * time.Second
	// retryAfter is how long a server that cannot start waits before it tries again.
	retryAfter = 500 * time.Millisecond
)

// ErrStopped is the error of an engine that has stopped, or has not started. Test with errors.Is.
var ErrStopped = nats.ErrStopped

// Engine is the engine of one application, see [New].
type Engine struct {
	opts   options
	client *nats.Engine

	ctx    context.Context // ends with Stop
	cancel context.CancelFunc
	first  chan struct{} // closed when the node is connected
	done   chan struct{} // closed when run has returned

	srv  atomic.Pointer[server.Server]
	conn atomic.Pointer[natsgo.Conn] // the connection of client
	made chan struct{}               // there is a conn

	mu      sync.Mutex
	started bool
	cause   error // why the node does not run yet

	unchecked int // bytes since Send looked at what waits for the other nodes; of Send
}

var _ backplane.LoggerUser = (*Engine)(nil)

// New returns an engine with a NATS server of its own, which forms a cluster with those of the other
// nodes. The application is connected as long as its server runs: a node that reaches no other node
// serves its own clients. When nodes reach each other again, the framework counts what they missed.
func New(opts ...Option) *Engine {
	e := &Engine{opts: newOptions(opts), first: make(chan struct{}), done: make(chan struct{}), made: make(chan struct{}, 1)}
	e.client = nats.New(nats.MaxPayload(MaxPayload), nats.Client(func(o *natsgo.Options) {
		o.InProcessServer = e
		o.Timeout, o.PingInterval = cmp.Or(e.opts.clientTimeout, o.Timeout), cmp.Or(e.opts.clientTimeout, o.PingInterval)
		o.ConnectedCB = e.connected
	}))
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.cause = errors.New("embedded: the server is starting")
	return e
}

// Name implements [backplane.Backplane].
func (*Engine) Name() string { return "nats/embedded" }

// Traits implements [backplane.Backplane].
func (e *Engine) Traits() backplane.Traits { return e.client.Traits() }

// Addr returns where other nodes connect to; nil while the server does not run.
func (e *Engine) Addr() net.Addr {
	if srv := e.srv.Load(); srv != nil {
		if a := srv.ClusterAddr(); a != nil {
			return a
		}
	}
	return nil
}

// InProcessConn returns a connection to the server, for more clients of the application:
//
//	nc, err := natsgo.Connect("", natsgo.InProcessServer(engine))
//
// It implements nats.InProcessConnProvider. The error is that the server does not run.
func (e *Engine) InProcessConn() (net.Conn, error) {
	srv := e.srv.Load()
	if srv == nil {
		return nil, ErrStopped
	}
	return srv.InProcessConn()
}

// SetLogger implements [backplane.LoggerUser]. [Logger] goes before it.
func (e *Engine) SetLogger(log *slog.Logger) { e.opts.log = cmp.Or(e.opts.ownLog, log) }

// Start implements [backplane.Backplane]. It returns when the node is connected to its peers, after
// half a second at most. The error is a [backplane.SetupError], or why the server cannot start,
// such as a port that is in use.
func (e *Engine) Start(ctx context.Context, self backplane.Node, in backplane.Inbound) error {
	if e.opts.err != nil {
		return e.opts.err
	}
	e.mu.Lock()
	if e.started || e.ctx.Err() != nil {
		e.mu.Unlock()
		return &backplane.SetupError{Err: errors.New("embedded: Start: the engine has been started or stopped already: make one for each application")}
	}
	e.started = true
	e.mu.Unlock()
	go e.run(self, in)
	select {
	case <-e.first:
		return nil
	case <-ctx.Done():
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.cause
	case <-e.ctx.Done():
		return ErrStopped
	}
}

// run has the node in the cluster until Stop.
func (e *Engine) run(self backplane.Node, in backplane.Inbound) {
	defer close(e.done)
	r := &resolver{names: e.opts.peers, lookup: e.opts.lookup}
	all, _ := r.resolve(e.ctx)
	srv := e.serve(self.ID, all)
	if srv == nil {
		return
	}
	defer func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	}()
	e.awaitRoutes(srv, all)
	w := &watched{Inbound: in}
	// The client has no call to wait for but those of in, which return at once.
	defer func() { _ = e.client.Stop(context.Background()) }()
	if err := e.client.Start(e.ctx, self, w); err != nil {
		return // stopped
	}
	select {
	case <-e.made:
	case <-e.ctx.Done():
		return
	}
	close(e.first)
	e.watch(srv, w, r, all)
}

// connected is called when the client is connected: each node answers the questions of settle.
func (e *Engine) connected(nc *natsgo.Conn) {
	_, err := nc.Subscribe(settleSubject, func(m *natsgo.Msg) { _ = m.Respond([]byte(nc.Opts.Name)) })
	if err != nil {
		return // closed again
	}
	e.conn.Store(nc)
	select {
	case e.made <- struct{}{}:
	default:
	}
}

// serve starts the server, until it succeeds or the engine stops.
func (e *Engine) serve(id string, p peers) *server.Server {
	for {
		srv, err := e.open(id, p)
		if err == nil {
			e.srv.Store(srv)
			return srv
		}
		e.mu.Lock()
		e.cause = err
		e.mu.Unlock()
		select {
		case <-time.After(retryAfter):
		case <-e.ctx.Done():
			return nil
		}
	}
}

func (e *Engine) open(id string, p peers) (*server.Server, error) {
	log := &serverLog{log: e.opts.log.With("self", id), secret: e.opts.secret}
	srv, err := server.NewServer(e.opts.forServer("gatehouse-"+id, p))
	if err != nil {
		return nil, fmt.Errorf("embedded: options of the server: %w", err)
	}
	srv.SetLogger(log, log.debug(), false)
	srv.Start()
	if log.ready(srv) {
		return srv, nil
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	if reason := log.fatal.Load(); reason != nil {
		return nil, fmt.Errorf("embedded: listen at %v: %s", e.opts.listen, *reason)
	}
	return nil, fmt.Errorf("embedded: the server at %v has not started within %v", e.opts.listen, openWait)
}

// awaitRoutes waits until there is a connection to each peer, or for joinWait.
func (e *Engine) awaitRoutes(srv *server.Server, p peers) {
	want := len(p.without(srv)) // by different nodes: for a moment there may be two connections to one
	limit := time.NewTimer(e.opts.joinWait)
	defer limit.Stop()
	tick := time.NewTicker(joinWait / 100)
	defer tick.Stop()
	for len(routes(srv)) < want {
		select {
		case <-tick.C:
		case <-limit.C:
			return
		case <-e.ctx.Done():
			return
		}
	}
}

// Send implements [backplane.Backplane]. Nil means that the server of this node has the messages. While
// another node reads slowly and 16 MiB wait for it, Send waits, until that node is disconnected.
func (e *Engine) Send(ctx context.Context, batch []*backplane.Message) error {
	if err := e.awaitReaders(ctx, batch); err != nil {
		return err
	}
	return e.client.Send(ctx, batch)
}

// checkEvery is after how many bytes Send looks at what waits.
const checkEvery = 1 << 20

// awaitReaders bounds what waits for other nodes: the server itself does not.
func (e *Engine) awaitReaders(ctx context.Context, batch []*backplane.Message) error {
	for _, m := range batch {
		e.unchecked += envelope.Size(m)
	}
	srv := e.srv.Load()
	if e.unchecked < checkEvery || srv == nil {
		return nil
	}
	for {
		waits := 0
		each(srv, func(r *server.RouteInfo) { waits = max(waits, r.Pending) })
		if waits <= maxWaiting {
			e.unchecked = 0
			return nil
		}
		select {
		case <-time.After(readersEvery):
		case <-e.ctx.Done():
			return ErrStopped
		case <-ctx.Done():
			return fmt.Errorf("embedded: another node does not read: %d bytes wait for it: %w", waits, context.Cause(ctx))
		}
	}
}

// readersEvery is how often Send looks whether less waits.
const readersEvery = 5 * time.Millisecond

// Interest implements [backplane.Backplane]. It waits for the confirmation of the other nodes, for a
// quarter of a second at most.
func (e *Engine) Interest(ctx context.Context, add, drop []string) error {
	if err := e.client.Interest(ctx, add, drop); err != nil {
		return err
	}
	e.settle(ctx)
	return nil
}

// Stop implements [backplane.Backplane].
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	started := e.started
	e.mu.Unlock()
	if started {
		e.settle(ctx) // what Send has accepted is with the other nodes
	}
	e.cancel()
	if !started {
		return nil
	}
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("embedded: Stop: the server has not ended: %w", context.Cause(ctx))
	}
}
