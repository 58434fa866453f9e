package drain_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

// member is one client of a crowd.
type member struct {
	*rawpeer.Peer
	sio bool

	acks int  // of "add" or "much"
	late bool // it has asked for long answers, and has not read yet
	// How it ended.
	code  int
	text  string
	extra []string // received messages other than answers and pings
	at    time.Time
	err   error
}

// crowd is very many clients of one application.
type crowd struct {
	members  []*member
	over     sync.WaitGroup
	acks     atomic.Int64
	stopping chan struct{} // closed when the late members start reading
	left     atomic.Int64  // number of members whose connection has ended
}

// gather connects n clients of each platform.
func gather(t *testing.T, addr string, n int) *crowd {
	t.Helper()
	c := &crowd{stopping: make(chan struct{})}
	engine := rawpeer.NewEngine(t, addr)
	for range n {
		c.members = append(c.members, &member{Peer: rawpeer.Open(t, addr, "/ws")})
		w := engine.WebSocket()
		rawpeer.Enter(t, w, "/", "")
		c.members = append(c.members, &member{Peer: w.Peer, sio: true})
	}
	return c
}

// askMuch makes the last client of each platform request long answers repeatedly without reading: most of the answers
// wait at the server.
func (c *crowd) askMuch(times int) {
	for _, m := range c.members[len(c.members)-2:] {
		m.late = true
		ask := `{"event":"much","id":1,"data":0}`
		if m.sio {
			ask = `421["much",0]`
		}
		m.Write(strings.Repeat(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: ask}.Bytes(), times))
	}
}

// listen makes every client read until its end; each of the first busy ones sends "add" again after each answer.
func (c *crowd) listen(busy int) {
	for i, m := range c.members {
		c.over.Go(func() {
			defer c.left.Add(1)
			if m.late {
				<-c.stopping
			}
			m.live(i < busy && !m.late, &c.acks)
		})
	}
}

func (m *member) live(busy bool, acks *atomic.Int64) {
	ask, ack := `{"event":"add","id":1,"data":0}`, `{"id":1,`
	if m.sio {
		ask, ack = `421["add",0]`, `431[`
	}
	if busy {
		m.err = m.TrySend(ask)
	}
	for {
		got, err := m.Next()
		m.at = time.Now()
		if err != nil {
			m.err = errors.Join(m.err, fmt.Errorf("it ended without a close frame: %w", err))
			return
		}
		switch {
		case got.First == rawpeer.Fin|rawpeer.OpClose:
			m.code, m.text = got.CloseCode(), got.Payload[min(2, len(got.Payload)):]
			_ = m.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpClose, Payload: got.Payload}.Bytes())
			m.Close()
			return
		case got.First == rawpeer.Fin|rawpeer.OpPing:
			_ = m.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpPong, Payload: got.Payload}.Bytes())
		case m.sio && got.Payload == "2":
			_ = m.TrySend("3")
		case strings.HasPrefix(got.Payload, ack):
			m.acks++
			acks.Add(1)
			if !m.late {
				_ = m.TrySend(ask) // the server may be closing it
			}
		default:
			m.extra = append(m.extra, got.Payload)
		}
	}
}

// polling connects n clients over polling, each with an open poll, and returns a function that checks that each was
// closed with a close packet.
func polling(t *testing.T, addr string, n int) (check func()) {
	t.Helper()
	type answer struct {
		rawpeer.Answer

		err error
	}
	answers := make(chan answer, n)
	engine := rawpeer.NewEngine(t, addr)
	for range n {
		p := engine.Poll()
		rawpeer.Enter(t, p, "/", "")
		poll := p.Start(p.GetBytes())
		go func() {
			a, err := poll.TryAnswer()
			if err == nil && onlyShutdown.MatchString(a.Body) { // the close packet was too late for this poll
				first := a.Body
				if a, err = engine.TryDo(p.GetBytes()); err == nil {
					a.Body = first + "\x1e" + a.Body
				}
			}
			answers <- answer{a, err}
		}()
	}
	return func() {
		for range n {
			if a := <-answers; a.err != nil || a.Status != 200 || a.Body != "1" && !shutdown.MatchString(a.Body) {
				t.Errorf("a client that polls: %d %q, %v, want a close packet, perhaps after the reconnect delay", a.Status, a.Body, a.err)
			}
		}
	}
}

// wantClosed checks how all clients have ended, and returns the answers that they received.
func (c *crowd) wantClosed(t *testing.T) (acks int64) {
	t.Helper()
	c.over.Wait()
	wrong := 0
	for i, m := range c.members {
		acks += int64(m.acks)
		extra := m.extra
		if m.sio && len(extra) > 0 && extra[len(extra)-1] == "1" { // the close packet of Engine.IO
			extra = extra[:len(extra)-1]
		}
		if len(extra) > 0 && reconnectNotice.MatchString(extra[len(extra)-1]) {
			extra = extra[:len(extra)-1]
		}
		if m.err == nil && m.code == 1001 && m.text == "server shutting down" && len(extra) == 0 {
			continue
		}
		if wrong++; wrong <= 5 {
			t.Errorf("client %d (Socket.IO: %v): %d %q, besides it got %q: %v", i, m.sio, m.code, m.text, m.extra, m.err)
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d clients were not closed properly", wrong, len(c.members))
	}
	return acks
}

// spread returns the time between the first close and the last.
func (c *crowd) spread() time.Duration {
	first, last := c.members[0].at, c.members[0].at
	for _, m := range c.members {
		if m.at.Before(first) {
			first = m.at
		}
		if m.at.After(last) {
			last = m.at
		}
	}
	return last.Sub(first)
}

// When to reconnect.
var (
	shutdown = regexp.MustCompile(`^42\["shutdown",\{"retryAfter":\d+\}\]\x1e1$`)
	// onlyShutdown matches the event without a close packet after it.
	onlyShutdown    = regexp.MustCompile(`^42\["shutdown",\{"retryAfter":\d+\}\]$`)
	reconnectNotice = regexp.MustCompile(`^(42\["shutdown",\{"retryAfter":\d+\}\]|\{"event":"shutdown","data":\{"retryAfter":\d+\}\})$`)
)
