package load

import (
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
)

// shouting sends the next message as soon as every client has received the last one.
type shouting struct {
	*runner

	shouts   exchanges
	sent     int
	at       time.Duration // when the last one was sent
	missing  int           // how many do not have it yet
	stopping bool
}

func (r *runner) broadcast(payload string) error {
	if err := r.open(r.work.Conns, true); err != nil {
		return err
	}
	s := &shouting{runner: r, shouts: r.shouts(payload)}
	for _, c := range r.conns {
		c.sent, c.received = 0, 0 // from now on: how many messages it has
	}
	r.handOver(s)
	s.shout()
	if err := r.measure(); err != nil {
		return err
	}
	s.stopping = true
	return r.finish(func() int { return s.missing })
}

func (r *runner) shouts(payload string) exchanges {
	return r.server.exchanges(func(p wire.Protocol) (request, due *wire.Template) { return p.Shout(payload) })
}

func (s *shouting) shout() {
	s.out = s.shouts[s.conns[0].protocol].request.Append(s.out[:0], wire.Number{Seq: s.sent})
	s.sent++
	s.missing = len(s.conns)
	s.at = s.clock()
	s.conns[0].write(s.out)
}

func (s *shouting) message(c *conn, msg []byte) {
	if c.received == s.sent {
		s.wrongf("connection %d: nothing was due, but it received %.200q", c.number+1, msg)
		return
	}
	s.result.Checked++
	if !s.shouts[c.protocol].due.Matches(msg, wire.Number{Seq: c.received}) {
		s.wrongf("connection %d: message %d is not what was sent: %.200q", c.number+1, c.received+1, msg)
	}
	c.received++
	s.missing--
	if s.measuring {
		s.result.Count++
		s.result.Latency.Add(s.now - s.at)
	}
}

func (s *shouting) batch(*conn) {
	if s.missing == 0 && !s.stopping {
		s.shout()
	}
}

func (*shouting) opened(*conn) {}

func (s *shouting) ended(c *conn, err error) {
	s.runner.ended(c, err)
	s.failed = err // what is missing can no longer be counted
}
