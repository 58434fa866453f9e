package apptest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Expect waits for the next event of that name and gives its payload. Other
// events are kept for later. Without a payload it is the zero T. []byte takes
// binary parts and base64 text alike.
//
//	post := apptest.Expect[Post](c, "posted")
//
// The test fails when nothing comes within the timeout or the connection ends,
// and is told what did arrive.
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

// Next waits for the next event, whatever its name, to check an order.
func (c *Client) Next() Message {
	c.t.Helper()
	m, err := c.take(func(Message) bool { return true })
	if err != nil {
		c.t.Fatalf("apptest: Next: %v", err)
	}
	return m
}

// ExpectNone fails the test if an event of that name has come, or comes before
// all barriers have been passed. A barrier is something that proves that the
// event would have been there by now, such as a call that the server handles
// after what might have caused the event, or another client that gets it:
//
//	c.ExpectNone("posted", func() { c.Call("echo") })
//
// Afterwards the client always does a ping and pong of its own, so that what
// the server had written to it by then has arrived. Without any barrier that
// is all, and says nothing of handlers that are still at work.
func (c *Client) ExpectNone(event string, barriers ...func()) {
	c.t.Helper()
	for _, pass := range barriers {
		pass()
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.timeout)
	defer cancel()
	if err := c.ws.Ping(ctx); err != nil && c.ending() == nil {
		// The reader may need a moment longer to see what the ping has seen.
		if _, endErr := c.awaitEnd(); endErr != nil {
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

// ExpectClose waits until the server has ended the connection. What had arrived
// before can still be expected.
func (c *Client) ExpectClose() Close {
	c.t.Helper()
	end, err := c.awaitEnd()
	if err != nil {
		c.t.Fatalf("apptest: ExpectClose: %v", err)
	}
	return end
}

func (c *Client) awaitEnd() (end Close, err error) {
	ok := c.wait(func() bool {
		if c.closed != nil {
			end = *c.closed
		}
		return c.closed != nil
	})
	if !ok {
		return end, fmt.Errorf("the connection is still open after %v; %s", c.opts.timeout, c.inbox())
	}
	return end, nil
}

// ending is the end of the connection, nil while it lives.
func (c *Client) ending() *Close {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// take removes the first message that fits from what has arrived.
func (c *Client) take(fits func(Message) bool) (m Message, err error) {
	found := false
	ok := c.wait(func() bool {
		if i := slices.IndexFunc(c.arrived, fits); i >= 0 {
			m, found = c.arrived[i], true
			c.arrived = slices.Delete(c.arrived, i, i+1)
		}
		return found || c.closed != nil
	})
	switch {
	case found:
		return m, nil
	case ok:
		return m, fmt.Errorf("the connection ended first (%s); %s", c.ending(), c.inbox())
	default:
		return m, fmt.Errorf("nothing within %v; %s", c.opts.timeout, c.inbox())
	}
}

// wait calls done, under the lock, until it reports true or the timeout is over.
func (c *Client) wait(done func() bool) bool {
	timeout := time.NewTimer(c.opts.timeout)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		ok, changed := done(), c.changed
		c.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timeout.C:
			return false
		}
	}
}

// update changes the state by f and wakes who waits.
func (c *Client) update(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

const maxShown = 20

// inbox lists what has arrived, for messages.
func (c *Client) inbox() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.arrived) == 0 {
		return "nothing else has arrived"
	}
	var shown []string
	for _, m := range c.arrived[max(0, len(c.arrived)-maxShown):] {
		shown = append(shown, m.String())
	}
	if more := len(c.arrived) - len(shown); more > 0 {
		shown = append([]string{fmt.Sprintf("%d more", more)}, shown...)
	}
	return "arrived: " + strings.Join(shown, ", ")
}

const maxPayloadShown = 200

// String is the event with its payload, cut short when it is long.
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
	// Names without regard to case, as encoding/json does: a test's ad-hoc struct needs no tags.
	err = json.Unmarshal(data, &v, json.MatchCaseInsensitiveNames(true))
	return v, err
}
