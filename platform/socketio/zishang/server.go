package zishang

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/oldest"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/tombstone"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// server is one Socket.IO server.
type server struct {
	cfg     adapter.ServerConfig
	opts    Options
	log     *slog.Logger
	unknown logsample.Minute // CONNECT packets for unknown namespaces
	path    string           // without the trailing slash
	started time.Time        // see now

	eng    engine.Server
	io     *socket.Server
	static map[string]socket.Namespace
	parent socket.Namespace // of namespaces that come and go
	tasks  tasks

	// dynamic lets one client at a time create a namespace: the library creates
	// it twice when two come at once.
	dynamic sync.Mutex

	outside  oldest.List[*link] // in no namespace
	unpolled oldest.List[*link] // on polling, without a poll

	mu      sync.Mutex
	links   map[string]*link // by Engine.IO session id
	ended   tombstone.Set    // polling clients that do not know of the end yet
	closing bool
}

func newServer(cfg adapter.ServerConfig, opts Options) *server {
	s := &server{started: time.Now(), cfg: cfg, opts: opts, log: cfg.Logger, path: trimSlash(cfg.Path),
		links: map[string]*link{}, static: map[string]socket.Namespace{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.tasks.run = func(f func()) {
		defer s.recovered("task")
		f()
	}
	o := s.libraryOptions()
	s.eng = engine.NewServer(o)
	s.io = socket.NewServer(nil, o)
	s.io.Bind(&boundEngine{s.eng, s})

	connected := func(args ...any) {
		defer s.recovered("connection")
		s.joined(args[0].(*socket.Socket))
	}
	match := func(nsp string, _ map[string]any, next func(error, bool)) { next(nil, s.endpoint(nsp) != nil) }
	s.parent = s.io.Of(socket.ParentNspNameMatchFn(&match), nil)
	_ = s.parent.On("connection", connected)
	for _, ep := range cfg.Endpoints {
		// the name of a pattern may match itself, and is then a namespace that no client enters
		if nsp := ep.Namespace(); ep.Match(nsp) && s.static[nsp] == nil {
			s.static[nsp] = s.io.Of(nsp, nil)
			_ = s.static[nsp].On("connection", connected)
		}
	}
	return s
}

func (s *server) libraryOptions() *socket.ServerOptions {
	l := s.cfg.Limits
	o := socket.DefaultServerOptions()
	o.SetPath(s.path)
	o.SetServeClient(false)
	o.SetPingInterval(l.PingInterval)
	o.SetPingTimeout(l.PingTimeout)
	// The reader's deadline must not come before the heartbeat's, which waits for a
	// client on a slow line.
	o.SetIdleTimeout(20 * (l.PingInterval + l.PingTimeout))
	o.SetMaxHttpBufferSize(l.MaxMessage)
	o.SetUpgradeTimeout(s.opts.UpgradeTimeout)
	o.SetConnectTimeout(s.opts.ConnectTimeout)
	o.SetAllowUpgrades(s.opts.Upgrades == On)
	o.SetAllowEIO3(false)
	o.SetCleanupEmptyChildNamespaces(true)
	// Origins are checked in front. Without this the library's WebSocket would
	// apply a check of its own; the headers that it sets are dropped.
	o.SetCors(&types.Cors{Origin: true})
	var c *types.HttpCompression
	if s.opts.HTTPCompression > 0 {
		c = &types.HttpCompression{Threshold: s.opts.HTTPCompression}
	}
	o.SetHttpCompression(c)
	set := types.NewSet[transports.TransportCtor]()
	if s.opts.offers(Polling) {
		set.Add(&pollBuilder{})
	}
	if s.opts.offers(WebSocket) {
		set.Add(&wsBuilder{})
	}
	o.SetTransports(set)
	return o
}

// boundEngine is the Engine.IO half as the Socket.IO half sees it: with a link
// in place of every socket.
type boundEngine struct {
	engine.BaseServer
	s *server
}

func (e *boundEngine) On(event types.EventName, listeners ...types.EventListener) error {
	if event != "connection" {
		return e.BaseServer.On(event, listeners...)
	}
	return e.BaseServer.On(event, func(args ...any) {
		defer e.s.recovered("engine connection")
		l := newLink(e.s, args[0].(engine.Socket))
		e.s.remember(l)
		for _, f := range listeners {
			f(l)
		}
	})
}

func (s *server) remember(l *link) {
	s.mu.Lock()
	s.links[l.Id()] = l
	late := s.closing
	s.mu.Unlock()
	if late {
		l.kill(websockets.Reason{Cause: websockets.CauseShutdown})
	}
	l.watchPolls()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leftLast()
}

// forget removes a connection that has ended. When unaware is set, its client polls and does not
// know of the end yet.
func (s *server) forget(l *link, unaware bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l.Id())
	if unaware && !l.notified.Load() { // a poll may have met the end meanwhile
		s.ended.Add(l.Id())
	}
}

// takeEnded reports whether the next poll of a session is to be answered with the close packet,
// once.
func (s *server) takeEnded(sid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended.Take(sid)
}

func (s *server) linkOf(sid string) *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.links[sid]
}

func (s *server) snapshot() []*link {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*link, 0, len(s.links))
	for _, l := range s.links {
		all = append(all, l)
	}
	return all
}

// endpoint returns the endpoint of a namespace, or nil.
func (s *server) endpoint(nsp string) adapter.Endpoint {
	for _, ep := range s.cfg.Endpoints {
		if ep.Match(nsp) {
			return ep
		}
	}
	return nil
}

// Native returns the library's namespace object: a [socket.Namespace]. For a
// pattern it is the parent namespace of all that were created on demand.
func (s *server) Native(namespace string) any {
	if namespace == "" {
		namespace = "/"
	}
	if n := s.static[namespace]; n != nil {
		return n
	}
	for _, ep := range s.cfg.Endpoints {
		if ep.Namespace() == namespace {
			return s.parent
		}
	}
	return nil
}

// Close refuses new connections, sends the close on those that are left, and
// waits until they have ended. When ctx is done first, they are cut.
func (s *server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	shutdown := websockets.Reason{Cause: websockets.CauseShutdown}
	for _, l := range s.snapshot() {
		l.end(shutdown)
	}
	err := s.tasks.wait(ctx)
	if err != nil {
		left := s.snapshot()
		for _, l := range left {
			l.kill(shutdown)
		}
		err = fmt.Errorf("zishang: server %s: %d connections were cut: %w", s.cfg.Path, len(left), err)
		// cut connections end at once; only a handler of native code could last
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 100*time.Millisecond)
		defer cancel()
		_ = s.tasks.wait(last)
	}
	s.io.Close(nil)
	return err
}

// recovered is to be deferred in everything that the library calls.
func (s *server) recovered(where string) {
	if p := recover(); p != nil {
		s.log.Error("panic in the Socket.IO adapter", append([]any{"where", where}, recovered.New(p).Attrs()...)...)
	}
}
