package cluster

import (
	"errors"
	"fmt"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

// handle delivers a frame.
func (w *worker) handle(r received) {
	c := w.c
	if r.bye != nil {
		w.left(r.bye)
		return
	}
	from := r.origin()
	if w.muted(from) {
		c.counts.invalid.Add(1)
		return
	}
	if r.m != nil {
		w.message(from, r.channel, r.m, func() (*backplane.Message, error) { return r.m, nil })
		return
	}
	if err := w.reader.Open(r.frame, c.limits); err != nil {
		if errors.Is(err, envelope.ErrVersion) {
			c.link.lose(fmt.Errorf("node %s: %w", originText(from), err))
		}
		w.refused(from, err)
		return
	}
	w.reading = r
	w.messages()
}

// messages delivers what is left of a frame, unless its origin is muted meanwhile.
func (w *worker) messages() {
	c, channel, from := w.c, w.reading.channel, w.reading.origin()
	for w.reading.frame != nil {
		ok, err := w.reader.Next()
		if err != nil {
			w.refused(from, err)
		}
		if !ok || w.muted(from) {
			w.reading = received{}
			return
		}
		m, err := w.reader.Head()
		if err != nil {
			w.refused(from, err)
			// The number is used, so it is no gap.
			m = &backplane.Message{Origin: w.reader.Origin(), Seq: w.reader.Current()}
			if o := w.origins[m.Origin]; o != nil && m.Origin != c.id {
				o.accept(c, m, channel)
			}
			continue
		}
		w.message(from, channel, m, w.load)
	}
}

// left holds the number of a Bye against what has arrived since.
func (w *worker) left(b *bye) {
	if o := w.origins[b.from]; o != nil && !o.left(w.c, b.from, b.sent) {
		o.lose(w.c, b.from, b.sent)
		o.left(w.c, b.from, b.sent)
	}
}

// message delivers a message, unless it is this node's own or has arrived before.
func (w *worker) message(from []byte, channel string, m *backplane.Message, load Load) {
	c := w.c
	if m.Origin == c.id {
		return // by Loopback
	}
	o := w.origin(m.Origin)
	if m.Channel = channel; !o.accept(c, m, channel) {
		return
	}
	c.counts.received.Add(1)
	if m.Origin == backplane.Emitter && !mayEmit(m.Kind) {
		w.refused(from, fmt.Errorf("%s of a program that is no node: %w", m.Kind, envelope.ErrInvalid))
		return
	}
	var err error
	switch m.Kind {
	case backplane.Event, backplane.Join, backplane.Leave, backplane.Disconnect, backplane.Call, backplane.Fetch, backplane.NodeEvent:
		err = c.deliver(m, load)
	case backplane.PresenceDelta, backplane.PresenceState, backplane.PresenceAsk:
		if m, err = load(); err == nil && (m.To == "" || m.To == c.id) {
			err = c.deliver(m, load)
		}
	case backplane.Claim, backplane.Claimed, backplane.ClaimMore, backplane.ClaimDone, backplane.Park, backplane.Taken:
		if m, err = load(); err == nil && m.To == c.id {
			err = c.deliver(m, load)
		}
	case backplane.CallCount, backplane.CallAnswer, backplane.Fetched:
		if m, err = load(); err == nil && m.To == c.id {
			if q := c.questions.get(m.Request); q != nil { // otherwise it is too late
				q.answered(m)
			}
		}
	case backplane.Hello, backplane.Beat, backplane.Bye:
		if m, err = load(); err == nil && (m.To == "" || m.To == c.id) {
			err = c.control(w, m, o)
		}
	default:
		c.counts.unknown.Add(1)
	}
	if err != nil {
		w.refused(from, err)
	}
}

// mayEmit reports whether a program that is no node may send a message. No answer can be sent to it.
func mayEmit(k backplane.Kind) bool {
	switch k {
	case backplane.Event, backplane.Join, backplane.Leave, backplane.Disconnect, backplane.NodeEvent:
		return true
	}
	return false
}

func (c *Cluster) control(w *worker, m *backplane.Message, o *origin) error {
	if c.resume.heard(m.Origin) {
		c.out.signal()
	}
	switch m.Kind {
	case backplane.Hello:
		return c.receiveHello(m, o)
	case backplane.Beat:
		return c.receiveBeat(m, o)
	}
	return c.receiveBye(w, m, o)
}

// deliver passes a message to the gateways. A panic there is logged, and so is an end of the goroutine.
func (c *Cluster) deliver(m *backplane.Message, load Load) error {
	return c.guarded(m, func() error { return c.cfg.Deliver(m, load) })
}

func (c *Cluster) guarded(m *backplane.Message, deliver func() error) (err error) {
	returned := false
	defer func() {
		about := []any{"node", m.Origin, "kind", m.Kind.String()}
		if v := recover(); v != nil {
			c.log.Error("panic while a message of another node was delivered", append(about, recovered.New(v).Attrs()...)...)
		} else if !returned {
			c.log.Error("a message of another node was not delivered", append(about, "error", recovered.ErrExited)...)
		}
	}()
	err = deliver()
	returned = true
	return err
}

// invalid counts and logs bytes that are no message, or one of a newer version.
func (c *Cluster) invalid(err error) {
	if errors.Is(err, envelope.ErrUnknown) {
		c.counts.unknown.Add(1)
	} else {
		c.counts.invalid.Add(1)
	}
	if n := c.badLog.Count(); n > 0 {
		c.log.Error("a message on the backplane is refused: does other software use its channels, or another version?", "error", err, "refused", n)
	}
}

// UnknownEndpoint counts a message for an endpoint that this node does not have.
func (c *Cluster) UnknownEndpoint() { c.counts.unknown.Add(1) }
