// Package client is the clients of the nodes: they count and check what they receive.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/internal/hist"
	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
)

// Order is what a client expects of the numbers that it receives.
type Order int

// The orders.
const (
	Dense Order = iota // each is one more than the one before
	Any                // several goroutines emit, or not everything is for the client
	Once               // as Any, but nothing twice, and only what is counted from From on
	None               // the client calls a handler, and receives nothing
)

// Client is a connection to a node.
type Client struct {
	conn     net.Conn
	protocol wire.Protocol
	order    Order
	progress chan<- struct{} // capacity 1: something was received
	entered  chan struct{}   // closed when the node has accepted it
	in       bool            // entered is closed
	done     chan struct{}   // closed when nothing is read any more
	got      atomic.Int64

	mu      sync.Mutex
	next    int // number that is due; -1: any
	latency *hist.Histogram
	err     error
	// Once:
	from  int
	seen  []uint64 // a bit for each number from there
	mark  int64    // of Mark, and when something emitted later has arrived; 0 before
	after int64
}

// Dial connects to a node, and returns when it has accepted the client. It signals progress when something
// has arrived.
func Dial(ctx context.Context, addr string, protocol wire.Protocol, order Order, progress chan<- struct{}) (*Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &Client{
		conn: conn, protocol: protocol, order: order, progress: progress,
		entered: make(chan struct{}), done: make(chan struct{}), next: -1, latency: new(hist.Histogram),
	}
	target := protocol.Target()
	if order == None && protocol == wire.SocketIO {
		target += "&" + node.Caller + "="
	}
	go c.run(wire.Upgrade(addr, target))
	select {
	case <-c.entered:
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("connecting a client: %w", c.Err())
	case <-ctx.Done():
		c.Close()
		return nil, fmt.Errorf("connecting a client: %w", ctx.Err())
	}
}

// Close ends the connection, and waits until the client is done.
func (c *Client) Close() {
	_ = c.conn.Close()
	<-c.done
}

// Got is how many broadcasts it has received.
func (c *Client) Got() int { return int(c.got.Load()) }

// Err is what was wrong, or why the connection has ended.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// From has it count what has this number or a later one, from 0 again.
func (c *Client) From(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from, c.seen = number, nil
	c.got.Store(0)
}

// Mark has it note when it receives something that was emitted later than now.
func (c *Client) Mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mark, c.after = node.Micros(), 0
}

// After is how long after Mark that was; ok is false as long as it was not.
func (c *Client) After() (d time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.after-c.mark) * time.Microsecond, c.after > 0
}

// Call calls the handler that emits.
func (c *Client) Call() error {
	if c.protocol == wire.Centrifuge {
		return c.say(`{"send":{"data":"` + node.Call + `"}}`)
	}
	return c.say(`42["` + node.Call + `"]`)
}

// TakeLatency returns the times since the last call from emit to receipt.
func (c *Client) TakeLatency() *hist.Histogram {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.latency
	c.latency = new(hist.Histogram)
	return h
}

func (c *Client) run(hello []byte) {
	defer close(c.done)
	err := c.read(hello)
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.signal()
}

func (c *Client) signal() {
	select {
	case c.progress <- struct{}{}:
	default:
	}
}

func (c *Client) read(hello []byte) error {
	if _, err := c.conn.Write(hello); err != nil {
		return err
	}
	buf, have, upgraded := make([]byte, 256<<10), 0, false
	for {
		n, err := c.conn.Read(buf[have:])
		if err != nil {
			return err
		}
		rest := buf[:have+n]
		if !upgraded {
			if rest, err = wire.Upgraded(rest); err == nil {
				upgraded = true
				err = c.start()
			}
		}
		if err == nil {
			rest, err = c.frames(rest)
		}
		if err != nil && !errors.Is(err, wire.ErrShort) {
			return err
		}
		if have = copy(buf, rest); have == len(buf) {
			return errors.New("a message is too large")
		}
	}
}

func (c *Client) start() error {
	switch {
	case c.protocol != wire.Centrifuge:
		return nil
	case c.order == None:
		return c.say(`{"id":1,"connect":{"name":"` + node.Caller + `"}}`)
	default:
		return c.say(`{"id":1,"connect":{}}`)
	}
}

func (c *Client) say(msg string) error {
	_, err := c.conn.Write(c.protocol.Append(nil, []byte(msg)))
	return err
}

// frames handles those that are complete, and returns the rest.
func (c *Client) frames(b []byte) ([]byte, error) {
	defer c.signal()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := node.Micros()
	for {
		f, rest, err := wire.NextFrame(b)
		if err != nil {
			return b, err
		}
		b = rest
		switch f.Op {
		case wire.Text:
			if err := c.message(f.Payload, now); err != nil {
				return b, err
			}
		case wire.Ping:
			if _, err := c.conn.Write(wire.AppendFrame(nil, wire.Pong, f.Payload)); err != nil {
				return b, err
			}
		case wire.Close:
			return b, fmt.Errorf("the node closes: %q", f.Payload)
		default:
			return b, fmt.Errorf("a frame has opcode %d", f.Op)
		}
	}
}

func (c *Client) message(msg []byte, now int64) error {
	if c.protocol == wire.Centrifuge {
		for one := range bytes.SplitSeq(msg, []byte{'\n'}) {
			if err := c.centrifuge(one, now); err != nil {
				return err
			}
		}
		return nil
	}
	switch {
	case bytes.HasPrefix(msg, []byte("42")):
		return c.tick(msg, now)
	case bytes.HasPrefix(msg, []byte("40")):
		c.enter()
	case msg[0] == '0': // Engine.IO open
		return c.say("40")
	case msg[0] == '2': // ping
		return c.say("3")
	default:
		return fmt.Errorf("a packet is not expected: %.80q", msg)
	}
	return nil
}

func (c *Client) centrifuge(msg []byte, now int64) error {
	switch {
	case len(msg) == 0:
	case string(msg) == "{}": // ping
		return c.say("{}")
	case bytes.HasPrefix(msg, []byte(`{"id":1,"connect":`)):
		c.enter()
	default:
		return c.tick(msg, now)
	}
	return nil
}

func (c *Client) enter() {
	if !c.in {
		c.in = true
		close(c.entered)
	}
}

// tick checks the numbers of a broadcast. The rest of its payload is always the same.
func (c *Client) tick(msg []byte, now int64) error {
	t, errT := number(msg, `"t":`)
	n, errN := number(msg, `"n":`)
	if err := errors.Join(errT, errN); err != nil {
		return err
	}
	if c.order == Dense && c.next >= 0 && int(n) != c.next {
		return fmt.Errorf("broadcast %d arrived where %d was due", n, c.next)
	}
	c.next = int(n) + 1
	c.latency.Add(time.Duration(now-t) * time.Microsecond)
	if c.mark > 0 && c.after == 0 && t > c.mark {
		c.after = now
	}
	if c.order == Once {
		return c.once(int(n))
	}
	c.got.Add(1)
	return nil
}

// once counts a broadcast, unless it is earlier than From.
func (c *Client) once(n int) error {
	i := n - c.from
	if i < 0 {
		return nil
	}
	for len(c.seen) <= i/64 {
		c.seen = append(c.seen, 0)
	}
	bit := uint64(1) << (i % 64)
	if c.seen[i/64]&bit != 0 {
		return fmt.Errorf("broadcast %d arrived twice", n)
	}
	c.seen[i/64] |= bit
	c.got.Add(1)
	return nil
}

// number reads what follows a name in JSON.
func number(msg []byte, name string) (int64, error) {
	_, after, found := bytes.Cut(msg, []byte(name))
	end := bytes.IndexAny(after, ",}")
	if !found || end < 0 {
		return 0, fmt.Errorf("a message is no broadcast: %.200q", msg)
	}
	return strconv.ParseInt(string(after[:end]), 10, 64)
}
