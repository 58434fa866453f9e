package ws

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/eventname"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/resume"
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
	recovery   *resume.Store              // nil without Recovery
	kept       atomic.Pointer[keptFrames] // of the newest ring

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
			ParkUnread:     true,
			Logger:         cfg.Logger,
		},
	}
	s.key, s.build = frameKey{opts.Codec, s.text}, s.encode
	if opts.Recovery != nil {
		s.recovery = resume.New(*opts.Recovery, cfg.Handover)
		if cfg.Handover != nil && opts.Recovery.SameClient != nil {
			cfg.Logger.Info("clients are recovered on their own node only: Recovery.SameClient needs the client and its new handshake in one process")
		}
	}
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
func (s *server) Close(ctx context.Context) error {
	if s.recovery != nil {
		s.recovery.Close()
	}
	return s.group.Close(ctx)
}

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
	r, key, position := takeResume(r)
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
	h, res, err := s.admit(r, deadline, key, position)
	if err != nil {
		if s.group.Closing().Err() != nil {
			wsconn.RefuseClosed(w)
			return
		}
		s.refuse(w, r, err)
		return
	}
	c := &conn{srv: s, id: rand.Text()}
	if c.ws = s.conns.Accept(w, r, c.id, deadline); c.ws == nil {
		if res != nil {
			res.Keep()
		}
		return
	}
	if s.recovery != nil && c.v1() {
		c.rec = &recovering{c: c, from: resume.AddressOf(h.Request), place: s.placeOf(r)}
	}
	if !s.group.Add(c.member()) {
		if res != nil {
			res.Keep()
		}
		c.ws.GiveUp(nil)
		return
	}
	accepted = true
	if res != nil {
		defer res.Abandon()
	}
	s.connect(c, h, release, res)
}

// member returns what of the connection is in the server's group.
func (c *conn) member() wsconn.Member {
	if c.rec != nil {
		return c.rec
	}
	return c.ws
}

// connect makes c a client of the framework and starts its reader. It returns at once, so
// that the HTTP server frees the buffers and the stack of the request. release is called
// when the connection has ended.
func (s *server) connect(c *conn, h *adapter.Handshake, release func(), res *resume.Resumption) {
	defer func() {
		if c.sess == nil {
			c.ws.GiveUp(recover())
			release()
			s.group.Remove(c.member())
			s.group.Exit()
		}
	}()
	c.out = outbox.New(s.cfg.Limits.SendQueue, s.cfg.Limits.SendQueueMax, &s.pool, c.ws.Write)
	c.ws.Attach(c.out)
	if c.rec != nil {
		if c.sess = c.rec.connect(h, res); c.sess == nil {
			c.out.Close(true)
			return
		}
	} else {
		if c.v1() {
			c.sendSession(nil, "", false)
		}
		c.sess = s.cfg.Endpoints[0].Connect(c, h)
	}
	c.ws.Serve(c, func() {
		release()
		s.group.Remove(c.member())
		s.group.Exit()
	})
}

// admit runs the framework's checks, and finds out whether the client resumes an earlier
// connection. Their context ends with the client, at the deadline, or when the server closes.
func (s *server) admit(r *http.Request, deadline time.Time, key, position string) (*adapter.Handshake, *resume.Resumption, error) {
	if s.cfg.AdmitRequest != nil {
		if err := s.cfg.AdmitRequest(r); err != nil {
			return nil, nil, err
		}
	}
	ep := s.cfg.Endpoints[0]
	var res *resume.Resumption
	if key != "" && s.recovery != nil && s.offersV1(r) {
		res = s.recovery.Find(key, position, "", s.placeOf(r))
	}
	h := s.handshake(r)
	if res == nil && !ep.Checks() {
		return h, nil, ep.Admit(r.Context(), h)
	}
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()
	defer context.AfterFunc(s.group.Closing(), cancel)()
	if res != nil && s.opts.Recovery.SkipAdmit {
		h.SkipChecks = true
		if ep.Admit(ctx, h) == nil && res.Claim(ctx, ep, h) {
			return h, res, nil
		}
		res, h = nil, s.handshake(r) // continue as for a new client
	}
	if err := ep.Admit(ctx, h); err != nil {
		return nil, nil, err
	}
	if res != nil && !res.Claim(ctx, ep, h) {
		res = nil
	}
	return h, res, nil
}

func (s *server) handshake(r *http.Request) *adapter.Handshake {
	h := wsconn.HandshakeOf(r)
	h.Connection = new(adapter.Connection)
	return h
}

var (
	_ adapter.Mover     = (*server)(nil)
	_ adapter.Forgetter = (*server)(nil)
)

// Forget implements [adapter.Forgetter].
func (s *server) Forget() {
	if s.recovery != nil {
		s.recovery.Forget()
	}
}

// Moves implements [adapter.Mover].
func (s *server) Moves() bool { return s.recovery != nil && s.recovery.Moves() }

// Keep implements [adapter.Mover].
func (s *server) Keep(p adapter.Parked) (_ adapter.Conn, suspended func(adapter.Session, adapter.Suspension), ok bool) {
	if !s.Moves() {
		return nil, nil, false
	}
	encode := func(_ string, e adapter.Missed, pos uint64) (*resume.Message, error) {
		return s.keptMessage(e.Event, e.Payload.JSON, pos), nil
	}
	return s.recovery.Keep(p, encode, func(j *resume.Journal, out *adapter.Outgoing) error {
		if !kept(out, 0, j.Ring()) {
			return nil
		}
		m, err := s.keptMessageOf(s.keptFramesOf(j.Ring()), out)
		if err != nil {
			return err
		}
		return j.Emit(m, out)
	})
}

// Release implements [adapter.Mover].
func (s *server) Release(ctx context.Context, namespace, key, position string, same func(adapter.Session) bool) adapter.Departure {
	if s.recovery == nil {
		return nil
	}
	return s.recovery.Release(ctx, namespace, key, position, same, eventOf)
}

// eventOf returns the event that a message was made of.
func eventOf(m *resume.Message) (adapter.Missed, error) {
	e, err := jsonCodec{}.Decode(bytes.Clone(m.Item.Frame.Payload()))
	return adapter.Missed{Event: e.Event, Payload: websockets.Payload{JSON: e.Data}, Uncompressed: m.Item.Plain}, err
}
