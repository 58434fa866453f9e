package apptest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Expect waits for the next event of this name and returns its payload, or the zero T
// without one. It keeps other events for later. []byte decodes binary parts and base64
// text.
//
//	post := apptest.Expect[Post](c, "posted")
//
// It fails the test, listing the received events, if the event does not arrive within
// the timeout or the connection closes.
func Expect[T any](c *Client, event string) T {
	c.t.Helper()
	m := c.ExpectMessage(event)
	v, err := decode[T](m.Data)
	if err != nil {
		c.t.Fatalf("apptest: Expect(%q): %s: %v", event, m, err)
	}
	return v
}

// ExpectMessage is [Expect] without decoding.
func (c *Client) ExpectMessage(event string) Message {
	c.t.Helper()
	m, err := c.take(func(m Message) bool { return m.Event == event })
	if err != nil {
		c.t.Fatalf("apptest: Expect(%q): %v", event, err)
	}
	return m
}

// Next waits for the next event of any name, to check an order.
func (c *Client) Next() Message {
	c.t.Helper()
	m, err := c.take(func(Message) bool { return true })
	if err != nil {
		c.t.Fatalf("apptest: Next: %v", err)
	}
	return m
}

// ExpectNone fails the test if an event of this name has arrived, or arrives before all
// barriers return. A barrier proves that the event would have arrived by then, such as
// a call that the server handles after the possible cause of the event, or another
// client that receives it:
//
//	c.ExpectNone("posted", func() { c.Call("echo") })
//
// Finally the client sends a ping and waits for the pong, so that everything that the
// server wrote before has arrived. Without barriers that is all: handlers may still be
// running.
func (c *Client) ExpectNone(event string, barriers ...func()) {
	c.t.Helper()
	for _, pass := range barriers {
		pass()
	}
	if err := c.ping(); err != nil && c.closeInfo() == nil {
		// The reader may notice the close a moment later than the ping.
		if _, endErr := c.awaitClose(); endErr != nil {
			c.t.Fatalf("apptest: ExpectNone(%q): ping: %v", event, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.arrived {
		if m.Event == event {
			c.t.Fatalf("apptest: ExpectNone(%q): got %s", event, m)
		}
	}
}

// ping sends a ping and waits for the pong.
func (c *Client) ping() error {
	if w, ok := c.wire.(*webSocket); ok {
		ctx, cancel := context.WithTimeout(context.Background(), c.opts.Timeout)
		defer cancel()
		return w.ws.Ping(ctx)
	}
	c.mu.Lock()
	before := c.pongs
	c.mu.Unlock()
	if err := c.send(Packet{Kind: PacketPing}); err != nil {
		return err
	}
	if !c.mu.Wait(c.opts.Timeout, func() bool { return c.pongs > before || c.closed != nil }) {
		return fmt.Errorf("no pong within %v", c.opts.Timeout)
	}
	return nil
}

// ExpectClose waits until the server closes the connection. Events received before can
// still be consumed.
func (c *Client) ExpectClose() Close {
	c.t.Helper()
	end, err := c.awaitClose()
	if err != nil {
		c.t.Fatalf("apptest: ExpectClose: %v", err)
	}
	return end
}

func (c *Client) awaitClose() (end Close, err error) {
	ok := c.mu.Wait(c.opts.Timeout, func() bool {
		if c.closed != nil {
			end = *c.closed
		}
		return c.closed != nil
	})
	if !ok {
		return end, fmt.Errorf("the connection is still open after %v; %s", c.opts.Timeout, c.inbox())
	}
	return end, nil
}

// closeInfo returns how the connection closed, or nil while it is open.
func (c *Client) closeInfo() *Close {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// take waits for a message that matches, and removes it.
func (c *Client) take(matches func(Message) bool) (m Message, err error) {
	found := false
	ok := c.mu.Wait(c.opts.Timeout, func() bool {
		if i := slices.IndexFunc(c.arrived, matches); i >= 0 {
			m, found = c.arrived[i], true
			c.arrived = slices.Delete(c.arrived, i, i+1)
		}
		return found || c.closed != nil
	})
	switch {
	case found:
		return m, nil
	case ok:
		return m, fmt.Errorf("the connection closed first (%s); %s", c.closeInfo(), c.inbox())
	default:
		return m, fmt.Errorf("not received within %v; %s", c.opts.Timeout, c.inbox())
	}
}

const maxShown = 20

// inbox lists the received messages, for errors.
func (c *Client) inbox() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.arrived) == 0 {
		return "no other messages received"
	}
	var shown []string
	for _, m := range c.arrived[max(0, len(c.arrived)-maxShown):] {
		shown = append(shown, m.String())
	}
	if more := len(c.arrived) - len(shown); more > 0 {
		shown = append([]string{fmt.Sprintf("%d more", more)}, shown...)
	}
	return "received: " + strings.Join(shown, ", ")
}

const maxPayloadShown = 200

// String returns the event with its payload, truncated if it is long.
func (m Message) String() string {
	data := string(m.Data)
	if len(data) > maxPayloadShown {
		data = fmt.Sprintf("%s… (%d bytes)", data[:maxPayloadShown], len(data))
	}
	if len(m.Attachments) > 0 {
		data += fmt.Sprintf(" with %d attachments", len(m.Attachments))
	}
	return m.Event + "(" + data + ")"
}

func decode[T any](data []byte) (v T, err error) {
	if len(data) == 0 {
		return v, nil
	}
	// Case-insensitive names as in encoding/json: ad-hoc structs of tests need no tags.
	err = json.Unmarshal(data, &v, json.MatchCaseInsensitiveNames(true))
	return v, err
}
