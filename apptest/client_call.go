package apptest

import (
	"encoding/json"
	"fmt"
)

// Exception is the error of a handler as a client receives it: as the event
// "exception" or as the answer to a call.
type Exception struct { //nolint:errname // its name on the wire
	Status  string          `json:"status"`
	Message string          `json:"message"`
	Code    string          `json:"code"`
	Details json.RawMessage `json:"details"`
	Cause   *ExceptionCause `json:"cause"`

	// AsEvent reports that the answer to a call was the event "exception", as on plain
	// WebSocket.
	AsEvent bool `json:"-"`
}

// ExceptionCause is the message that failed.
type ExceptionCause struct {
	Pattern string          `json:"pattern"`
	Data    json.RawMessage `json:"data"`
}

// Error returns the message.
func (e *Exception) Error() string { return e.Message }

// pendingCall is a call that waits for its answer.
type pendingCall struct {
	done    bool
	data    json.RawMessage
	failure *Exception
}

// Call emits an event, waits for the answer and decodes it; an empty answer is the
// zero T. An error fails the test; to expect one use [Client.CallError].
//
//	sum := apptest.Call[int](c, "add", 1, 2)
func Call[T any](c *Client, event string, args ...any) T {
	c.t.Helper()
	data := c.Call(event, args...)
	v, err := decode[T](data)
	if err != nil {
		c.t.Fatalf("apptest: Call(%q): answer %s: %v", event, data, err)
	}
	return v
}

// Call emits an event and returns the answer, which may be empty. An error fails the
// test.
func (c *Client) Call(event string, args ...any) json.RawMessage {
	c.t.Helper()
	data, err := c.TryCall(event, args...)
	if err != nil {
		c.t.Fatalf("apptest: Call(%q): %v", event, err)
	}
	return data
}

// CallError emits an event and returns the error of its handler. It fails the test if
// the call succeeds.
//
//	e := c.CallError("post", Post{})
//	if e.Message != "Validation failed" { … }
func (c *Client) CallError(event string, args ...any) *Exception {
	c.t.Helper()
	data, err := c.TryCall(event, args...)
	failure, ok := err.(*Exception) //nolint:errorlint // TryCall returns it unwrapped
	switch {
	case err == nil:
		c.t.Fatalf("apptest: CallError(%q): succeeded with %s", event, data)
	case !ok:
		c.t.Fatalf("apptest: CallError(%q): %v", event, err)
	}
	return failure
}

// TryCall emits an event and returns the answer. The error is an [*Exception] if the
// answer is one: on plain WebSocket an "exception" with the id of the call, on
// Socket.IO an ack of one object with "status":"error" and a message.
func (c *Client) TryCall(event string, args ...any) (json.RawMessage, error) {
	call := &pendingCall{}
	c.mu.Lock()
	id := c.nextID
	c.nextID++
	c.calls[id] = call
	c.mu.Unlock()

	if err := c.send(Packet{Kind: PacketEvent, Event: event, Args: args, Reply: true, ID: id}); err != nil {
		c.abandonCall(id)
		return nil, err
	}
	var got pendingCall
	ok := c.mu.Wait(c.opts.Timeout, func() bool {
		got = *call
		return call.done || c.closed != nil
	})
	switch {
	case got.failure != nil:
		return nil, got.failure
	case got.done:
		return got.data, nil
	case ok:
		return nil, fmt.Errorf("the connection closed first (%s); %s", c.closeInfo(), c.inbox())
	}
	c.abandonCall(id)
	return nil, fmt.Errorf("no answer within %v; %s", c.opts.Timeout, c.inbox())
}

// abandonCall removes a call. A late answer is then received like an event.
func (c *Client) abandonCall(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, id)
}

// onReply handles the answer to a call. An answer with an unknown id becomes a message
// without a name; a second answer is an error.
func (c *Client) onReply(id uint64, m Message, failure *Exception) (err error) {
	c.mu.Update(func() {
		call := c.calls[id]
		switch {
		case call != nil:
			call.done, call.data, call.failure = true, m.Data, failure
			delete(c.calls, id)
			c.answered[id] = true
		case c.answered[id]:
			err = fmt.Errorf("a second answer to request %d", id)
		default:
			c.arrived = append(c.arrived, m)
		}
	})
	return err
}

// onEvent handles an event, and answers a call of the server if OnCall is set for it.
func (c *Client) onEvent(m Message) {
	c.mu.Lock()
	answer := c.answers[m.Event]
	c.mu.Unlock()
	if !m.reply || answer == nil {
		c.mu.Update(func() { c.arrived = append(c.arrived, m) })
		return
	}
	c.answering.Go(func() { // the function may itself wait for the reader
		err := c.send(Packet{Kind: PacketAnswer, ID: m.id, Args: []any{answer(m.Data)}})
		c.mu.Lock()
		over := c.closing || c.closed != nil
		c.mu.Unlock()
		if err != nil && !over {
			c.t.Errorf("apptest: answer to the server's call %s: %v", m, err)
		}
	})
}
