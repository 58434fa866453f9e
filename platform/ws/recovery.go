package ws

import (
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Recovery configures connection state recovery, see [adapter.Recovery], for clients of the
// subprotocol gatehouse.v1; others are new clients after each loss. Besides calls and volatile
// events, answers are not kept: results, exceptions and items of streams.
type Recovery = adapter.Recovery

// recovering is the part of a connection whose client may be recovered.
type recovering struct {
	c       *conn
	from    resume.Address
	place   string // what private ids end with
	journal atomic.Pointer[resume.Journal]
	frames  *keptFrames // set before journal

	binding sync.Mutex // held until the client has its session
	session atomic.Pointer[adapter.Session]
	ended   atomic.Bool // the session was suspended or closed
}

var (
	_ wsconn.Member    = (*recovering)(nil)
	_ resume.Live      = (*conn)(nil)
	_ adapter.Resetter = (*conn)(nil)
	_ adapter.Parker   = (*conn)(nil)
)

// CheckTimeouts implements [wsconn.Member].
func (r *recovering) CheckTimeouts(now int64) {
	r.c.ws.CheckTimeouts(now)
	if j := r.journal.Load(); j != nil {
		limits := &r.c.srv.cfg.Limits
		j.Trim(r.c, &r.c.srv.group.Clock, now, 2*limits.PingInterval+limits.PingTimeout)
	}
}

// Abort implements [wsconn.Member].
func (r *recovering) Abort() { r.c.ws.Abort() }

// connect makes the connection that of a new client, or that of the one that it resumes. It
// returns nil when that one was dropped meanwhile, and the client may have been answered, or its checks were
// skipped: then the connection must be closed.
func (r *recovering) connect(h *adapter.Handshake, res *resume.Resumption) (sess adapter.Session) {
	c := r.c
	r.binding.Lock()
	defer r.binding.Unlock()
	c.out.Hold() // a client must receive broadcasts as soon as it has seen the first frame
	defer c.out.Release()
	switch {
	case res != nil && res.Arrival() != nil:
		sess = res.Arrival().Resume(c, h, func(id string, missed []adapter.Missed) bool { return r.arrive(res, id, missed) })
	case res != nil && res.Replay(c, r.from, r.resumed):
		sess = res.Suspension().Resume(c, h)
	case h.SkipChecks:
		return nil
	default:
		j := c.srv.recovery.NewJournal(c, c.id, "", r.place, r.from)
		r.set(j)
		c.sendSession(j, j.Start(), false)
		sess = c.srv.cfg.Endpoints[0].Connect(c, h)
	}
	switch j := r.journal.Load(); {
	case j == nil:
	case sess == nil:
		j.Close()
	default:
		j.SetSession(sess)
	}
	if sess != nil {
		r.session.Store(&sess)
	}
	return sess
}

// end suspends the session if the client may be recovered, and closes it otherwise.
func (r *recovering) end(sess adapter.Session, why websockets.Reason) {
	if r.ended.CompareAndSwap(false, true) && !r.suspend(sess, why) {
		sess.Closed(why)
	}
}

func (r *recovering) suspend(sess adapter.Session, why websockets.Reason) bool {
	j := r.journal.Load()
	return j != nil && j.Suspend(sess, why)
}

func (r *recovering) set(j *resume.Journal) {
	r.frames = r.c.srv.keptFramesOf(j.Ring())
	r.journal.Store(j)
}

// resumed sends the first frame to a client that resumes.
func (r *recovering) resumed(j *resume.Journal) bool {
	r.c.id = j.ID()
	r.set(j)
	r.c.sendSession(j, "", true)
	return true
}

// arrive sends the first frame to a client of another node, and what it has missed.
func (r *recovering) arrive(res *resume.Resumption, id string, missed []adapter.Missed) bool {
	c := r.c
	c.id = id
	j := c.srv.recovery.NewArrival(res, c, id, "", r.from)
	r.set(j)
	encode := func(e adapter.Missed, pos uint64) (*resume.Message, error) {
		return c.srv.keptMessage(e.Event, e.Payload.JSON, pos), nil
	}
	return j.Arrive(res, missed, encode, func() { c.sendSession(j, "", true) })
}

// Send implements [resume.Live].
func (c *conn) Send(m *resume.Message, out *adapter.Outgoing) error {
	it := m.Item
	it.Plain = out.Uncompressed
	return c.pushItem(it, wsconn.PolicyOf(out))
}

// Replay implements [resume.Live].
func (c *conn) Replay(m *resume.Message) error { return c.pushItem(m.Item, outbox.Refuse) }

// AwaitBinding implements [resume.Live].
func (c *conn) AwaitBinding() {
	c.rec.binding.Lock()
	_ = c.rec.place // only the lock matters
	c.rec.binding.Unlock()
}

// Abort implements [resume.Live].
func (c *conn) Abort(why websockets.Reason) { c.ws.Close(why, wsconn.CloseAbort) }

// MayPark implements [adapter.Parker].
func (c *conn) MayPark() bool {
	j := c.journal()
	return j != nil && c.rec.session.Load() != nil && j.MayPark()
}

// Reset implements [adapter.Resetter].
func (c *conn) Reset() bool {
	j := c.journal()
	if j == nil {
		return false
	}
	j.CloseFor(c)
	c.ws.Close(websockets.Reason{Cause: websockets.CauseTransportClose, Text: "events were lost"}, wsconn.CloseAbort)
	return true
}

// journal returns that of the client; nil when it cannot be recovered.
func (c *conn) journal() *resume.Journal {
	if c.rec == nil {
		return nil
	}
	return c.rec.journal.Load()
}

// kept reports whether a message of Emit is kept for a client that misses it. Answers belong to
// requests, which end with the connection.
func kept(out *adapter.Outgoing, ack uint64, r *resume.Ring) bool {
	if _, known := out.Position(); r.Logged() && !known {
		return false
	}
	return ack == 0 && !out.Volatile && !out.Answer && out.InReplyTo == nil
}

// keptFrames encodes the events of a ring: what would otherwise be allocated for each client.
type keptFrames struct {
	ring  *resume.Ring
	key   [2]any // keptKeys; the second is of events that are sent uncompressed
	build [2]func(event string, p websockets.Payload) (any, error)
}

type keptKey struct {
	ring  *resume.Ring
	plain bool
}

// keptFramesOf returns those of a ring, of which a server has one at a time.
func (s *server) keptFramesOf(r *resume.Ring) *keptFrames {
	if f := s.kept.Load(); f != nil && f.ring == r {
		return f
	}
	f := &keptFrames{ring: r}
	for i, plain := range []bool{false, true} {
		f.key[i] = keptKey{r, plain}
		f.build[i] = func(event string, p websockets.Payload) (any, error) {
			m := s.keptMessage(event, p.JSON, r.Next())
			m.Item.Plain = plain // also when it is sent again
			return m, nil
		}
	}
	s.kept.Store(f)
	return f
}

// message returns the message of an event.
func (s *server) keptMessageOf(f *keptFrames, out *adapter.Outgoing) (*resume.Message, error) {
	i := 0
	if out.Uncompressed {
		i = 1
	}
	build := f.build[i]
	if f.ring.Logged() {
		build = func(event string, p websockets.Payload) (any, error) {
			pos, _ := f.ring.PositionOf(out)
			m := s.keptMessage(event, p.JSON, pos)
			m.Item.Plain = i == 1
			return m, nil
		}
	}
	m, err := out.Frame(f.key[i], false, build)
	if err != nil {
		return nil, err
	}
	return m.(*resume.Message), nil
}

// keptMessage returns the message of an event at a position.
func (s *server) keptMessage(event string, data []byte, pos uint64) *resume.Message {
	const room = wsconn.HeaderRoom + envelopeRoom + 16 // with the position
	buf := make([]byte, wsconn.HeaderRoom, room+len(event)+len(data))
	buf = appendString(append(buf, `{"event":`...), event)
	if len(data) > 0 {
		buf = append(append(buf, `,"data":`...), data...)
	}
	buf = strconv.AppendUint(append(buf, `,"pos":"`...), pos, 36)
	m := &resume.Message{Pos: pos}
	m.Item.Frame = wsconn.Seal(s.text, append(buf, `"}`...))
	m.Charge, m.Held = m.Item.Charge(), m.Item.Held()+int(unsafe.Sizeof(*m))
	return m
}

// placeOf returns what private ids end with on servers of several paths: a client resumes at the
// path at which it was, of which guards have read the values.
func (s *server) placeOf(r *http.Request) string {
	if !strings.Contains(s.cfg.Path, "{") {
		return ""
	}
	const bytes = 10
	sum := sha256.Sum256([]byte(r.URL.Path))
	return base32.StdEncoding.EncodeToString(sum[:bytes])
}
