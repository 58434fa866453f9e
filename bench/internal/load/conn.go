package load

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
	"golang.org/x/sys/unix"
)

type state int

const (
	connecting state = iota
	upgrading        // waits for the answer to the HTTP request
	entering         // waits for the handshake of Socket.IO or centrifuge
	open
	closing // our close frame is out
	closed
)

type conn struct {
	loop     *loop
	on       handler
	fd       int
	number   int
	protocol wire.Protocol
	state    state

	unread   []byte // input that is not complete
	fragment []byte // message that is not complete
	unsent   []byte // output that the kernel did not take
	armed    bool   // waiting for the kernel to take it

	sent, received int
	times          []time.Duration // ring: when message sent%len was due
	arrived        int             // answers in this read
	ready          bool            // the first echo, which proves the connection, is back
	closeSeen      time.Duration   // when the server's close frame came; 0: not yet
}

// handler receives the events of a connection.
type handler interface {
	opened(c *conn)
	message(c *conn, msg []byte)
	batch(c *conn) // everything that was read is handled
	ended(c *conn, err error)
}

var (
	errEnd    = errors.New("the server ended the connection")
	errLeft   = errors.New("the server left the connection open after the close handshake")
	errClosed = errors.New("the server sent a close frame")
)

// drop ends a connection at once.
func (c *conn) drop(err error) {
	if c.state == closed {
		return
	}
	c.loop.forget(c)
	c.state = closed
	c.on.ended(c, err)
}

func (c *conn) write(p []byte) {
	if c.state == closed {
		return
	}
	if len(c.unsent) > 0 {
		c.unsent = append(c.unsent, p...)
		return
	}
	for len(p) > 0 {
		n, err := unix.Write(c.fd, p)
		switch {
		case err == nil:
			p = p[n:]
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			c.unsent = append(c.unsent, p...)
			c.loop.arm(c, true)
			return
		default:
			c.drop(fmt.Errorf("writing: %w", err))
			return
		}
	}
}

func (c *conn) flush() {
	p := c.unsent
	c.unsent = nil
	c.loop.arm(c, false)
	c.write(p)
}

// say sends a message of the protocol's own.
func (c *conn) say(msg string) { c.write(c.protocol.Append(nil, []byte(msg))) }

// startClose starts the close handshake, as the protocol's clients do.
func (c *conn) startClose() {
	if c.state == closed || c.state == closing {
		return
	}
	c.state = closing
	var p []byte
	switch c.protocol {
	case wire.Raw:
		_ = unix.Shutdown(c.fd, unix.SHUT_WR)
		return
	case wire.SocketIO:
		p = wire.AppendFrame(p, wire.Text, []byte("41"))
	}
	c.write(wire.AppendFrame(p, wire.Close, []byte{0x03, 0xe8})) // 1000
}

// parse handles complete input and returns the rest.
func (c *conn) parse(b []byte) ([]byte, error) {
	if c.state == upgrading {
		rest, err := wire.Upgraded(b)
		if errors.Is(err, wire.ErrShort) {
			return b, nil
		} else if err != nil {
			return nil, err
		}
		b = rest
		c.state = entering
		switch c.protocol {
		case wire.Plain:
			c.enter()
		case wire.Centrifuge:
			c.say(`{"id":1,"connect":{}}`)
		}
	}
	if c.protocol == wire.Raw {
		return c.parseRaw(b), nil
	}
	for c.state != closed {
		f, rest, err := wire.NextFrame(b)
		if errors.Is(err, wire.ErrShort) {
			break
		} else if err != nil {
			return nil, err
		}
		if err := c.frame(f); err != nil {
			return nil, err
		}
		b = rest
	}
	return b, nil
}

func (c *conn) parseRaw(b []byte) []byte {
	for len(b) >= 4 && c.state != closed {
		n := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		if len(b) < 4+n {
			break
		}
		c.on.message(c, b[4:4+n])
		b = b[4+n:]
	}
	return b
}

func (c *conn) frame(f wire.Frame) error {
	switch f.Op {
	case wire.Text, wire.Binary, wire.Continuation:
		if (f.Op == wire.Continuation) != (c.fragment != nil) {
			return errors.New("a fragment is out of place")
		}
		if f.Final && c.fragment == nil {
			return c.receive(f.Payload)
		}
		c.fragment = append(append([]byte{}, c.fragment...), f.Payload...)
		if !f.Final {
			return nil
		}
		msg := c.fragment
		c.fragment = nil
		return c.receive(msg)
	case wire.Ping:
		c.loop.heartbeats++
		c.write(wire.AppendFrame(nil, wire.Pong, f.Payload))
	case wire.Pong:
	case wire.Close:
		if c.state != closing {
			return fmt.Errorf("%w: %x", errClosed, f.Payload)
		}
		c.loop.closeSeen(c)
	default:
		return fmt.Errorf("a frame has opcode %d", f.Op)
	}
	return nil
}

func (c *conn) enter() {
	c.state = open
	c.on.opened(c)
}

// receive handles a whole message.
func (c *conn) receive(msg []byte) error {
	switch c.protocol {
	case wire.SocketIO:
		return c.receiveSocketIO(msg)
	case wire.Centrifuge:
		for one := range bytes.SplitSeq(msg, []byte{'\n'}) {
			if err := c.receiveCentrifuge(one); err != nil {
				return err
			}
		}
		return nil
	default:
		c.on.message(c, msg)
		return nil
	}
}

func (c *conn) receiveCentrifuge(msg []byte) error {
	switch {
	case len(msg) == 0:
	case string(msg) == "{}": // ping
		c.say("{}")
	case c.state == entering:
		if !bytes.HasPrefix(msg, []byte(`{"id":1,"connect":`)) {
			return fmt.Errorf("the connect command was answered %.200q", msg)
		}
		c.enter()
	case bytes.HasSuffix(msg, []byte(`"rpc":{}}`)): // a broadcast is accepted
	default:
		c.on.message(c, msg)
	}
	return nil
}

func (c *conn) receiveSocketIO(msg []byte) error {
	kind := string(msg[:min(2, len(msg))])
	switch {
	case kind == "":
		return errors.New("an Engine.IO packet is empty")
	case kind[0] == '0': // Engine.IO open
		c.say("40")
	case kind[0] == '2': // ping
		c.loop.heartbeats++
		c.say("3" + string(msg[1:]))
	case kind[0] == '6': // noop
	case kind == "40" && c.state == entering:
		c.enter()
	case kind == "41" && c.state == closing:
	case kind == "42" || kind == "43":
		c.on.message(c, msg)
	default:
		return fmt.Errorf("a packet is not expected: %.80q", msg)
	}
	return nil
}
