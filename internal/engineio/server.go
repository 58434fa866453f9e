// Package engineio is a server of Engine.IO protocol 4: sessions over HTTP
// long-polling and WebSocket, the upgrade between the two, and the heartbeat.
//
// Source: https://socket.io/docs/v4/engine-io-protocol/
package engineio

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/cors"
	"github.com/gatehouse-go/gatehouse/internal/oldest"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Config of a server.
type Config struct {
	// Path is for errors.
	Path   string
	Limits websockets.Limits
	// Polling and WebSocket are the transports offered.
	Polling, WebSocket bool
	// Upgrades lets sessions change from polling to WebSocket, each within UpgradeTimeout.
	Upgrades       bool
	UpgradeTimeout time.Duration
	// HTTPCompression is the size in bytes from which answers to polls are
	// compressed; 0 for never.
	HTTPCompression int
	Compression     wsconn.Compression
	MaxFragments    int
	MessageTimeout  time.Duration
	CORS            cors.Headers
	// Cookie, when not nil, is set to the session's id on handshakes over polling.
	Cookie *http.Cookie
	// Reserve takes a place for a session, see [adapter.ServerConfig]; it may be nil.
	Reserve func(*http.Request) (release func(), err error)
	// CheckOrigin and Allow say who may open a session; Allow may be nil.
	CheckOrigin func(*http.Request) bool
	Allow       func(*http.Request) error
	// Open makes what a new session belongs to. The request is a copy that
	// outlives the handshake.
	Open func(*Session, *http.Request) Handler
	// MaxUnpolled is how many sessions over polling may have no poll open; negative
	// for no limit. 0 is the default of 1,000.
	MaxUnpolled int
	// Shortest is the shortest timeout that handlers look after in Beat.
	Shortest time.Duration
	Logger   *slog.Logger
}

// Handler takes what a session's client sends. Message is called by one
// goroutine at a time, in order.
type Handler interface {
	// Message takes the payload of a message packet. It may block, which stops
	// the reading. msg is valid until it returns. An error ends the session with
	// a parse error.
	Message(text bool, msg []byte) error
	// Due gives what Message has put off while Session.Deferring, see [wsconn.Handler].
	Due() wsconn.Job
	// Stalled returns for how long Message has been blocked without a message of the
	// client having been started; 0 while it is not blocked.
	Stalled() time.Duration
	// Closed tells, once, that the session has ended.
	Closed(r websockets.Reason)
	// Beat is called now and then with the time of the server's clock, and must not block.
	Beat(now int64)
}

// patience is how long a client may take nothing of what it is sent by polling.
func (c *Config) patience() time.Duration { return c.Limits.PingInterval + c.Limits.PingTimeout }

// Server is a server of one path.
type Server struct {
	cfg   Config
	group *wsconn.Group
	conns wsconn.Config
	pool  outbox.Pool[wsconn.Item]
	open  []byte // the open packet from the end of its upgrades on
	ping  *wsconn.Frame

	unpolled oldest.List[*Session] // those that nobody polls

	mu       sync.Mutex
	sessions map[string]*Session
	closed   bool
}

// New makes a server.
func New(cfg Config) *Server {
	s := &Server{
		cfg: cfg,
		conns: wsconn.Config{
			Limits:         cfg.Limits,
			MaxFragments:   cfg.MaxFragments,
			MessageTimeout: cfg.MessageTimeout,
			Compression:    cfg.Compression,
			AnySubprotocol: true,
			Logger:         cfg.Logger,
		},
		ping:     wsconn.SealCopy(true, []byte{typePing}),
		sessions: map[string]*Session{},
	}
	shortest := min(s.conns.Shortest(), cfg.UpgradeTimeout, cfg.Limits.CloseTimeout)
	if cfg.Shortest > 0 {
		shortest = min(shortest, cfg.Shortest)
	}
	s.group = wsconn.NewGroup("engine.io: closing "+cfg.Path, shortest)
	s.conns.Group = s.group
	b := append(make([]byte, 0, 96), `],"pingInterval":`...)
	b = strconv.AppendInt(b, cfg.Limits.PingInterval.Milliseconds(), 10)
	b = append(b, `,"pingTimeout":`...)
	b = strconv.AppendInt(b, cfg.Limits.PingTimeout.Milliseconds(), 10)
	b = append(b, `,"maxPayload":`...)
	b = strconv.AppendInt(b, cfg.Limits.MaxMessage, 10)
	b = append(b, '}')
	s.open = b
	return s
}

// Clock is what Handler.Beat tells the time by.
func (s *Server) Clock() *wsconn.Clock { return &s.group.Clock }

// Len is the number of sessions.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Enter counts something that a session has begun; false when the server has
// ended. Each is followed by one Exit.
func (s *Server) Enter() bool { return s.group.EnterLate() }

// Exit ends what Enter began.
func (s *Server) Exit() { s.group.Exit() }

// Close refuses new sessions, says goodbye to those that are, and waits for
// their end; when ctx ends first it cuts them and says how many that were.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	all := make([]*Session, 0, len(s.sessions))
	for _, session := range s.sessions {
		all = append(all, session)
	}
	s.mu.Unlock()
	for _, session := range all {
		session.Close(websockets.Reason{Cause: websockets.CauseShutdown}, wsconn.Drain)
	}
	return s.group.Close(ctx)
}

// openPacket is the handshake's answer.
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

// ServeHTTP takes one request of a client.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch d := s.cfg.MessageTimeout; {
	case r.Method != http.MethodPost:
		if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close") // or net/http would wait for the body
		}
	case d > 0:
		// For what is refused too: net/http reads the rest of its body.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
	}
	if !s.enter(r) {
		wsconn.RefuseClosed(w)
		return
	}
	defer s.group.Exit()
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
		status := http.StatusBadRequest // as the protocol has it for handshakes
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
	session := s.find(q.sid)
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

// enter counts a request in. While the server is being closed only those of its
// sessions are served: the goodbye waits for them.
func (s *Server) enter(r *http.Request) bool {
	if s.group.Enter() {
		return true
	}
	return s.find(r.URL.Query().Get("sid")) != nil && s.group.EnterLate()
}

func (s *Server) find(sid string) *Session {
	if sid == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[sid]
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
	defer session.letGo() // a session that has begun still holds its place
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
	if q.upgrade {
		s.openWebSocket(w, r, session)
		return
	}
	if !session.begin(r) {
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
	session.watchPolls()
}

// allow runs the application's check, bounded by the handshake timeout.
func (s *Server) allow(r *http.Request) (err error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Limits.HandshakeTimeout)
	defer cancel()
	defer context.AfterFunc(s.group.Closing(), cancel)()
	defer func() {
		if v := recover(); v != nil {
			s.logPanic(v)
			err = errInternal
		}
	}()
	return s.cfg.Allow(r.WithContext(ctx))
}

func (s *Server) openWebSocket(w http.ResponseWriter, r *http.Request, session *Session) {
	if err := wsconn.CheckUpgrade(w, r); err != nil {
		refusedUpgrade(err).write(w)
		return
	}
	hs := wsconn.HandshakeOf(r)
	c := s.conns.Accept(w, r, session.name(), time.Now().Add(s.cfg.Limits.HandshakeTimeout))
	if c == nil {
		return
	}
	session.conn = c
	c.Attach(session.out)
	session.out.Start(c.Write)
	open := wsconn.Seal(true, s.openPacket(make([]byte, wsconn.HeaderRoom, 160), session.id, false))
	it := wsconn.Item{Frame: open}
	_ = session.out.Push(it, it.Charge(), outbox.Always)
	if !s.group.Enter() {
		c.GiveUp(nil)
		return
	}
	begun := false
	defer func() {
		if !begun { // the server is being closed, or the handler has panicked
			c.GiveUp(recover())
			s.group.Exit()
		}
	}()
	if begun = session.begin(hs.Request); !begun {
		return
	}
	session.hold()
	go func() {
		c.Serve(&transport{session, c}, session.served)
	}()
}
