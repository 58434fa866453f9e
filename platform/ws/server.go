package ws

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/eventname"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// server serves one path.
type server struct {
	cfg   adapter.ServerConfig
	opts  Options
	text  bool // it sends text frames
	group *wsconn.Group
	conns wsconn.Config
	pool  outbox.Pool[wsconn.Item]
	names eventname.Cache // of events
	// explaining has an entry for each refusal that is being explained; nil without ExplainRefusals.
	explaining chan struct{}

	// For broadcasts, built once: otherwise each client would allocate them.
	key   any // a frameKey
	build func(event string, p websockets.Payload) (any, error)
}

func newServer(cfg adapter.ServerConfig, opts Options) *server {
	s := &server{
		cfg:  cfg,
		opts: opts,
		text: opts.Codec.Text() && opts.BinaryFrames != On,
		conns: wsconn.Config{
			Limits:         cfg.Limits,
			MaxFragments:   opts.MaxFragments,
			MessageTimeout: opts.MessageTimeout,
			Subprotocols:   opts.subprotocols(),
			Compression:    wsconn.Compression(opts.Compression),
			Heartbeat:      true,
			Logger:         cfg.Logger,
		},
	}
	s.key, s.build = frameKey{opts.Codec, s.text}, s.encode
	if opts.ExplainRefusals == On {
		s.explaining = make(chan struct{}, maxExplained)
	}
	s.group = wsconn.NewGroup("ws: closing "+cfg.Path, s.conns.Shortest())
	s.conns.Group = s.group
	return s
}

// Native returns nil: there is no server object below.
func (s *server) Native(string) any { return nil }

// Close implements [adapter.Server]. When ctx ends first, it aborts the rest
// and returns an error with their number.
func (s *server) Close(ctx context.Context) error { return s.group.Close(ctx) }

// ServeHTTP serves one handshake, RFC 6455 §4.2.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.group.Enter() {
		wsconn.RefuseClosed(w)
		return
	}
	accepted := false
	defer func() {
		if !accepted {
			s.group.Exit()
		}
	}()
	if err := wsconn.CheckUpgrade(w, r); err != nil {
		adapter.WriteRefusal(w, err)
		return
	}
	if !s.cfg.CheckOrigin(r) {
		adapter.WriteRefusal(w, &websockets.Error{
			Message: "Origin is not allowed", Code: websockets.CodeForeignOrigin, Status: http.StatusForbidden,
		})
		return
	}
	release := func() {}
	if s.cfg.Reserve != nil {
		var err error
		if release, err = s.cfg.Reserve(r); err != nil {
			s.refuse(w, r, err)
			return
		}
		defer func() {
			if !accepted {
				release()
			}
		}()
	}
	deadline := time.Now().Add(s.cfg.Limits.HandshakeTimeout)
	h := wsconn.HandshakeOf(r)
	h.Connection = new(adapter.Connection)
	if err := s.admit(r, deadline, h); err != nil {
		if s.group.Closing().Err() != nil {
			wsconn.RefuseClosed(w)
			return
		}
		s.refuse(w, r, err)
		return
	}
	c := &conn{srv: s, id: rand.Text()}
	if c.ws = s.conns.Accept(w, r, c.id, deadline); c.ws == nil {
		return
	}
	c.v1 = strings.EqualFold(c.ws.Subprotocol(), protocolV1)
	if !s.group.Add(c.ws) {
		c.ws.GiveUp(nil)
		return
	}
	accepted = true
	s.connect(c, h, release)
}

// connect makes c a client of the framework and starts its reader. It returns at once, so
// that the HTTP server frees the buffers and the stack of the request. release is called
// when the connection has ended.
func (s *server) connect(c *conn, h *adapter.Handshake, release func()) {
	defer func() {
		if c.sess == nil {
			c.ws.GiveUp(recover())
			release()
			s.group.Remove(c.ws)
			s.group.Exit()
		}
	}()
	c.out = outbox.New(s.cfg.Limits.SendQueue, s.cfg.Limits.SendQueueMax, &s.pool, c.ws.Write)
	c.ws.Attach(c.out)
	if c.v1 {
		c.sendSession()
	}
	c.sess = s.cfg.Endpoints[0].Connect(c, h)
	go c.ws.Serve(c, func() {
		release()
		s.group.Remove(c.ws)
		s.group.Exit()
	})
}

// admit runs the framework's checks. Their context ends with the client, at the deadline,
// or when the server closes.
func (s *server) admit(r *http.Request, deadline time.Time, h *adapter.Handshake) error {
	if s.cfg.AdmitRequest != nil {
		if err := s.cfg.AdmitRequest(r); err != nil {
			return err
		}
	}
	if !s.cfg.Endpoints[0].Checks() {
		return s.cfg.Endpoints[0].Admit(r.Context(), h)
	}
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()
	defer context.AfterFunc(s.group.Closing(), cancel)()
	return s.cfg.Endpoints[0].Admit(ctx, h)
}
