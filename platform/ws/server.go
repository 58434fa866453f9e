package ws

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// server is the server of one path.
type server struct {
	path        string
	endpoint    websockets.Endpoint
	checkOrigin func(*http.Request) bool
	opts        Options
	limits      websockets.Limits
	log         *slog.Logger
	insp        inspector // what every connection's begins as
	op          byte      // of the frames sent
	clock       *clock
	tick        time.Duration // of the sweeper

	closing context.Context // ends handshakes under way
	cancel  context.CancelFunc

	mu        sync.Mutex
	conns     map[*conn]struct{}
	stopSweep chan struct{} // stops the sweeper; nil when none runs
	live      int           // handshakes, connections and the sweeper
	closed    bool
	idle      chan struct{} // closed when the server is closed and nothing lives
}

func newServer(cfg websockets.ServerConfig, opts Options) *server {
	s := &server{
		path:        cfg.Path,
		endpoint:    cfg.Endpoints[0],
		checkOrigin: cfg.CheckOrigin,
		opts:        opts,
		limits:      cfg.Limits,
		log:         cfg.Logger,
		insp: inspector{
			maxMessage:   cfg.Limits.MaxMessage,
			maxFragments: max(opts.MaxFragments, 0),
		},
		clock: &clock{base: time.Now()},
		tick:  sweepInterval(cfg.Limits, opts),
		conns: make(map[*conn]struct{}),
		idle:  make(chan struct{}),
	}
	s.op = opBinary
	if opts.Codec.Text() && !opts.BinaryFrames {
		s.op = opText
	}
	s.closing, s.cancel = context.WithCancel(context.Background())
	return s
}

// Native gives nil: there is no server object below.
func (s *server) Native(string) any { return nil }

// enter counts a handshake that begins; false when the server is closed. Each
// is followed by one exit.
func (s *server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.live++
	return true
}

func (s *server) exit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live--
	s.checkIdle()
}

func (s *server) checkIdle() {
	if s.closed && s.live == 0 {
		select {
		case <-s.idle:
		default:
			close(s.idle)
		}
	}
}

// add makes an accepted connection known; false when the server has been closed
// in between.
func (s *server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	if s.stopSweep == nil {
		s.clock.now()
		s.live++
		s.stopSweep = make(chan struct{})
		go s.sweep(s.stopSweep)
	}
	return true
}

// remove forgets a connection.
func (s *server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.stopSweep != nil {
		close(s.stopSweep)
		s.stopSweep = nil
	}
}

// Close implements [websockets.AdapterServer]. When ctx ends first, what is left
// is cut and the error says how many that were.
func (s *server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.checkIdle()
	s.mu.Unlock()
	s.cancel()
	select {
	case <-s.idle:
		return nil
	default:
	}
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	n := len(s.conns)
	left := make([]*conn, 0, n)
	for c := range s.conns {
		left = append(left, c)
	}
	s.mu.Unlock()
	for _, c := range left {
		c.abort()
	}
	// Cut connections end at once; what does not is stuck in the framework.
	grace := time.NewTimer(time.Second)
	defer grace.Stop()
	select {
	case <-s.idle:
	case <-grace.C:
	}
	return fmt.Errorf("ws: closing %s: %d connections were cut: %w", s.path, n, context.Cause(ctx))
}
