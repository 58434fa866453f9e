// Package engineio is a server of Engine.IO protocol 4: sessions over HTTP
// long-polling and WebSocket, the upgrade between the two, and the heartbeat.
//
// Source: https://socket.io/docs/v4/engine-io-protocol/
package engineio

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/abandon"
	"github.com/gatehouse-go/gatehouse/internal/cors"
	"github.com/gatehouse-go/gatehouse/internal/oldest"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/tombstone"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Config configures a server.
type Config struct {
	// Config is that of the connections by WebSocket; Limits, MessageTimeout and Logger hold for polling too.
	wsconn.Config
	// Path is used in errors.
	Path string
	// Polling and WebSocket are the transports offered.
	Polling, WebSocket bool
	// Upgrades allows sessions to change from polling to WebSocket, each within UpgradeTimeout.
	Upgrades       bool
	UpgradeTimeout time.Duration
	// HTTPCompression is the size in bytes from which answers to polls are
	// compressed; 0 for never.
	HTTPCompression int
	CORS            cors.Headers
	// Cookie, when not nil, is set with the session's id on handshakes over polling.
	Cookie *http.Cookie
	// Headers, when not nil, adds headers to the answer of a handshake.
	Headers func(h http.Header, r *http.Request, sid string)
	// Reserve reserves a place for a session, see [adapter.ServerConfig]; it may be nil.
	Reserve func(*http.Request) (release func(), err error)
	// CheckOrigin and Allow decide whether a client may open a session; Allow may be nil.
	CheckOrigin func(*http.Request) bool
	Allow       func(*http.Request) error
	// Open returns the handler of a new session. The request is a copy that outlives
	// the handshake.
	Open func(*Session, *http.Request) Handler
	// MaxUnpolled is how many sessions over polling may have no pending poll; negative
	// for no limit. Default 1,000.
	MaxUnpolled int
	// Shortest is the shortest timeout that handlers check in CheckTimeouts.
	Shortest time.Duration
}

// Handler receives what a session's client sends. Message is called by one goroutine at
// a time, in order.
type Handler interface {
	// Message handles the payload of a message packet and returns the work that it
	// brought, or nil. While it blocks, nothing is read. msg is valid until it returns. An
	// error ends the session with a parse error.
	Message(text bool, msg []byte) (adapter.Work, error)
	// Stalled returns for how long Message has been blocked during which no message of
	// the client was started; 0 while it is not blocked.
	Stalled() time.Duration
	// Upgraded is called when the session has changed from polling to WebSocket.
	Upgraded()
	// Closed is called once, when the session has ended.
	Closed(r websockets.Reason)
	// CheckTimeouts is called at every sweep with a stamp of the server's clock. It must
	// not block.
	CheckTimeouts(now int64)
}

// patience is how long a client may accept nothing of what it is sent by polling.
func (c *Config) patience() time.Duration { return c.Limits.PingInterval + c.Limits.PingTimeout }

// Server serves one path. Its methods are safe for concurrent use.
type Server struct {
	cfg   Config
	group *wsconn.Group
	pool  outbox.Pool[wsconn.Item]
	open  []byte // the end of the open packet, from behind its upgrades
	ping  *wsconn.Frame

	unpolled oldest.List[*Session] // see trackPolls
	untimed  sync.Once             // logs that MessageTimeout does not apply

	mu       sync.Mutex
	sessions map[string]*Session
	ended    tombstone.Set // see Session.leave
	closed   bool
}

// New returns a server.
func New(cfg Config) *Server {
	s := &Server{
		cfg:      cfg,
		ping:     wsconn.SealCopy(true, []byte{typePing}),
		sessions: map[string]*Session{},
	}
	shortest := min(cfg.Config.Shortest(), cfg.UpgradeTimeout, cfg.Limits.CloseTimeout)
	if cfg.Shortest > 0 {
		shortest = min(shortest, cfg.Shortest)
	}
	s.group = wsconn.NewGroup("engine.io: closing "+cfg.Path, shortest)
	s.cfg.Group, s.cfg.AnySubprotocol = s.group, true
	s.open = fmt.Appendf(nil, `],"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		cfg.Limits.PingInterval.Milliseconds(), cfg.Limits.PingTimeout.Milliseconds(), cfg.Limits.MaxMessage)
	return s
}

// Clock returns the clock of the stamps that Handler.CheckTimeouts gets.
func (s *Server) Clock() *wsconn.Clock { return &s.group.Clock }

// Len returns the number of sessions.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Enter counts something that a session has started, until Exit. It returns false when
// the server has ended.
func (s *Server) Enter() bool { return s.group.EnterLate() }

// Exit ends what Enter counted.
func (s *Server) Exit() { s.group.Exit() }

// Close refuses new sessions, closes the present ones, and waits for their end. When ctx
// ends first, it aborts the rest and returns an error with their number.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	all := slices.Collect(maps.Values(s.sessions))
	s.mu.Unlock()
	for _, session := range all {
		session.Close(websockets.Reason{Cause: websockets.CauseShutdown}, wsconn.CloseGraceful)
		if abandon.Polling(ctx) {
			session.endUnpolled()
		}
	}
	return s.group.Close(ctx)
}

// openPacket appends the answer to a handshake.
func (s *Server) openPacket(dst []byte, sid string, polling bool) []byte {
	dst = append(dst, typeOpen)
	dst = append(dst, `{"sid":"`...)
	dst = append(dst, sid...)
	dst = append(dst, `","upgrades":[`...)
	if polling && s.cfg.Upgrades && s.cfg.WebSocket {
		dst = append(dst, `"websocket"`...)
	}
	return append(dst, s.open...)
}

// ServeHTTP serves one request of a client.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch d := s.cfg.MessageTimeout; {
	case r.Method != http.MethodPost:
		if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			wsconn.CloseAfter(w, r) // otherwise net/http would wait for the body
		}
	case d > 0:
		// For refused requests too: net/http reads the rest of their body.
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(d)); errors.Is(err, http.ErrNotSupported) {
			s.untimed.Do(func() {
				s.cfg.Logger.Warn("MessageTimeout does not bound the bodies of POST requests: a middleware hides the ResponseWriter of the server; add a method Unwrap to its own",
					"writer", fmt.Sprintf("%T", w))
			})
		}
	}
	if s.enter(r) {
		defer s.group.Exit()
	} else if !s.knows(r.URL.Query().Get("sid")) {
		wsconn.RefuseClosed(w)
		return
	}
	if !s.cfg.CheckOrigin(r) {
		refused(errOrigin).write(w)
		return
	}
	s.cfg.CORS.Set(w.Header(), r)
	switch r.Method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodGet, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		status := http.StatusBadRequest // the protocol's status for handshakes
		if r.URL.Query().Get("sid") != "" {
			status = http.StatusMethodNotAllowed
		}
		errMethod(status).write(w)
		return
	}
	q, problem := s.parse(r)
	if problem != nil {
		problem.write(w)
		return
	}
	session, ended := s.find(q.sid, r.Method == http.MethodGet && !q.upgrade && q.eio == "4")
	if ended {
		_ = s.answer(w, r, []byte{typeClose}, true) // the client has gone otherwise
		return
	}
	if problem := s.check(r, q, session); problem != nil {
		problem.write(w)
		return
	}
	switch {
	case session == nil:
		s.handshake(w, r, q)
	case q.upgrade:
		session.upgrade(w, r)
	case r.Method == http.MethodPost:
		session.post(w, r)
	default:
		session.poll(w, r)
	}
}

// enter counts a request. While the server is closing, only requests of its sessions are
// served: they fetch the close packet. It returns false when nothing is left to wait for.
func (s *Server) enter(r *http.Request) bool {
	return s.group.Enter() || s.knows(r.URL.Query().Get("sid")) && s.group.EnterLate()
}

// handshake opens a session.
func (s *Server) handshake(w http.ResponseWriter, r *http.Request, q query) {
	release := func() {}
	if s.cfg.Reserve != nil {
		var err error
		if release, err = s.cfg.Reserve(r); err != nil {
			refused(err).write(w)
			return
		}
	}
	session := s.newSession(release)
	session.base64 = q.base64
	defer session.releaseHolder() // a registered session still holds the reservation
	if s.cfg.Allow != nil {
		if err := s.allow(r); err != nil {
			if s.group.Closing().Err() != nil {
				wsconn.RefuseClosed(w)
				return
			}
			refused(err).write(w)
			return
		}
	}
	if s.cfg.Headers != nil {
		if err := s.addHeaders(w, r, session.id); err != nil {
			refused(err).write(w)
			return
		}
	}
	if q.upgrade {
		s.openWebSocket(w, r, session)
		return
	}
	session.overHTTP()
	if !session.register(r) {
		wsconn.RefuseClosed(w)
		return
	}
	if s.cfg.Cookie != nil {
		c := *s.cfg.Cookie //nolint:gosec // its attributes are the application's to choose
		c.Value = session.id
		http.SetCookie(w, &c)
	}
	if err := s.answer(w, r, s.openPacket(nil, session.id, true), true); err != nil {
		session.fail("handshake was not written")
		return
	}
	session.trackPolls()
}

// allow runs the application's check, bounded by the handshake timeout.
func (s *Server) allow(r *http.Request) (err error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Limits.HandshakeTimeout)
	defer cancel()
	defer context.AfterFunc(s.group.Closing(), cancel)()
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Logger.Error("a handshake panicked", recovered.New(v).Attrs()...)
			err = errInternal
		}
	}()
	return s.cfg.Allow(r.WithContext(ctx))
}

// addHeaders calls the function of the application, on a map of its own: it cannot change headers of the framework.
func (s *Server) addHeaders(w http.ResponseWriter, r *http.Request, sid string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Logger.Error("a handshake panicked", recovered.New(v).Attrs()...)
			err = errInternal
		}
	}()
	h := http.Header{}
	s.cfg.Headers(h, r, sid)
	for name, values := range h {
		for _, v := range values {
			w.Header().Add(name, v)
		}
	}
	return nil
}

func (s *Server) openWebSocket(w http.ResponseWriter, r *http.Request, session *Session) {
	if err := wsconn.CheckUpgrade(w, r); err != nil {
		refusedUpgrade(err).write(w)
		return
	}
	hs := wsconn.HandshakeOf(r)
	c := s.cfg.Accept(w, r, session.name(), time.Now().Add(s.cfg.Limits.HandshakeTimeout))
	if c == nil {
		return
	}
	session.conn = c
	c.Attach(session.out)
	session.out.Start(c.Write)
	if !s.group.Enter() {
		c.GiveUp(nil)
		return
	}
	registered := false
	defer func() {
		if !registered { // the server is closing, or Open has panicked
			c.GiveUp(recover())
			s.group.Exit()
		}
	}()
	if registered = session.register(hs.Request); !registered {
		return
	}
	// Only now: the client may send its next request as soon as it has the session's id.
	open := wsconn.Seal(true, s.openPacket(make([]byte, wsconn.HeaderRoom, 160), session.id, false))
	it := wsconn.Item{Frame: open}
	_ = session.out.Push(it, it.Charge(), outbox.Always)
	session.addHolder()
	c.Serve(&transport{s: session, c: c}, session.transportEnded)
}
