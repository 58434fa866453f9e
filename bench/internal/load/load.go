// Package load puts work on a server of this machine and checks every answer.
//
// One thread drives all connections with epoll: replies that arrive together
// are answered by requests in one write, so that the client needs less of its
// core than the server of its own. The package is for Linux.
package load

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/hist"
	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
)

// Kind of work.
type Kind int

// The kinds of work.
const (
	Echo      Kind = iota // requests and replies
	Broadcast             // one client's message goes to all of them
	Connect               // connect, one echo, close
	Idle                  // connections that do nothing
	Crowd                 // as Idle for long, with a broadcast now and then
)

// Work is what the server has to do.
type Work struct {
	Name     string
	Kind     Kind
	Conns    int           // connections; Connect: those at the same time
	InFlight int           // Echo: requests of a connection that wait for their reply
	Size     int           // bytes of a payload
	Every    time.Duration // Crowd: from one broadcast to the next
	Rate     int           // Echo: messages per second in all, on a fixed schedule; 0: each reply makes the next request
}

// Timing of a measurement.
type Timing struct {
	Warmup   time.Duration // before measuring
	Duration time.Duration // measuring
	Settle   time.Duration // Idle: before memory is read
	Hold     time.Duration // Crowd: how long the connections stay
	Drain    time.Duration // at most, for the last answers
}

// Server is what gets the load.
type Server struct {
	Protocol   wire.Protocol
	Mixed      bool                // every second connection speaks Socket.IO instead
	Addr       string              // host and port, IPv4
	PID        int                 // whose CPU time and memory are read
	Goroutines func() (int, error) // nil: unknown
}

// of returns the protocol of a connection.
func (s *Server) of(number int) wire.Protocol {
	if s.Mixed && number%2 == 1 {
		return wire.SocketIO
	}
	return s.Protocol
}

// exchange is a message of a client, and what the server sends for it.
type exchange struct{ request, due *wire.Template }

// exchanges are those of the protocols that a server speaks.
type exchanges [wire.Centrifuge + 1]exchange

func (s *Server) exchanges(of func(wire.Protocol) (request, due *wire.Template)) (all exchanges) {
	for number := range 2 {
		p := s.of(number)
		all[p].request, all[p].due = of(p)
	}
	return all
}

// Result of a measurement.
type Result struct {
	Count      uint64          // messages, deliveries or cycles while measuring
	Checked    uint64          // answers checked, in the whole run
	Elapsed    time.Duration   // how long it really was
	ServerCPU  time.Duration   // used by the server meanwhile
	ClientCPU  time.Duration   // used by this process meanwhile
	OtherCPU   time.Duration   // used by everything else on the machine meanwhile: noise
	Latency    *hist.Histogram // of replies, deliveries or cycles; with Rate from the time due
	LeftOpen   uint64          // connections that the server left open after the close handshake
	Memory     Memory          // Idle and Crowd only
	Heartbeats uint64          // of the server, which were answered; Crowd only
	Faults     []string        // at most 5 of what went wrong
	Lost       uint64          // answers that never came
	Wrong      uint64          // answers with wrong content, out of order, or more than were due
	Broken     uint64          // connections that ended or failed
}

// Memory of a server in bytes, with Work.Conns connections.
type Memory struct {
	Before, Idle, AfterEcho            int64
	GoroutinesBefore, GoroutinesAtIdle int // 0: unknown
}

// OK reports whether something was measured and every answer was right.
func (r *Result) OK() bool { return r.Count > 0 && r.Lost == 0 && r.Wrong == 0 && r.Broken == 0 }

// CPUEach is the server's CPU time for each message, delivery or cycle.
func (r *Result) CPUEach() time.Duration {
	if r.Count == 0 {
		return 0
	}
	return r.ServerCPU / time.Duration(r.Count)
}

func (r *Result) faultf(format string, args ...any) {
	if len(r.Faults) < 5 {
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	}
}

// Run does the work. Wrong answers are in the result; an error means that there
// is none, because the server could not be reached, broke down or ctx ended.
func Run(ctx context.Context, s Server, w Work, t Timing) (*Result, error) {
	payload, err := wire.Payload(w.Size)
	if err != nil {
		return nil, err
	}
	l, err := newLoop(ctx, s)
	if err != nil {
		return nil, err
	}
	defer l.shut()
	echoes := s.exchanges(func(p wire.Protocol) (request, due *wire.Template) { return p.Echo(payload) })
	r := runner{loop: l, work: w, timing: t, echoes: echoes, result: &Result{Latency: new(hist.Histogram)}}
	switch w.Kind {
	case Echo:
		err = r.echo()
	case Broadcast:
		err = r.broadcast(payload)
	case Connect:
		err = r.cycle()
	case Idle:
		err = r.idle()
	case Crowd:
		err = r.crowd(payload)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Name, err)
	}
	return r.result, nil
}
