package lines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// snippet:read
func (c *conn) read(r *bufio.Reader, sess adapter.Session) {
	for {
		b, err := readLine(r, int(c.srv.cfg.Limits.MaxMessage))
		if errors.Is(err, bufio.ErrTooLong) {
			c.Close(websockets.Reason{Cause: websockets.CauseMessageTooBig})
			_, _ = io.Copy(io.Discard, r) // until the client has read the close line
		}
		switch {
		case errors.Is(err, io.EOF):
			c.cut(websockets.Reason{Cause: websockets.CauseTransportClose})
			return
		case err != nil:
			c.cut(websockets.Reason{Cause: websockets.CauseTransportError, Text: err.Error()})
			return
		}
		c.heard.Store(time.Now().UnixNano())
		c.receive(b, sess)
	}
}

// receive handles a line.
func (c *conn) receive(b []byte, sess adapter.Session) {
	var in line
	err := json.Unmarshal(b, &in)
	m := &adapter.Message{Event: in.Event, Payload: websockets.Payload{JSON: in.Data}, Held: 2 * cap(b), Wire: len(b)}
	if in.ID != 0 {
		m.Ref, m.Reply = in.ID, true
	}
	switch {
	case err != nil:
		m.Err = &websockets.Error{Code: websockets.CodeBadMessage, Message: "Bad message: " + err.Error()}
	case in.Ctl == "close": // the client's own, or its answer to that of the server
		c.cut(websockets.Reason{Cause: websockets.CauseClientDisconnect, Code: in.Code, Text: in.Text, Clean: true})
		return
	case in.Ctl == "ping":
		_ = c.pushLine(line{Ctl: "pong"}, adapter.EmitOptions{}, true)
		return
	case in.Ctl == "pong":
		return
	case in.Cancel != 0:
		sess.Cancel(func(m *adapter.Message) bool { id, _ := m.Ref.(uint64); return id == in.Cancel })
		return
	case in.Event == "" && in.ID != 0:
		sess.Ack(in.ID, websockets.Payload{JSON: in.Data})
		return
	case in.Event == "":
		m.Err = &websockets.Error{Code: websockets.CodeBadMessage, Message: "Bad message: the event is missing"}
	}
	if work := sess.Receive(m); work != nil { // Receive blocks while the client's inbox is full
		work.Start()
	}
}

// end

func readLine(r *bufio.Reader, limit int) (b []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if b = append(b, part...); len(b) > limit {
			return nil, bufio.ErrTooLong
		}
		if err == nil || !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(b, []byte{'\n'}), err
		}
	}
}

// snippet:watch
func (c *conn) watch(sess adapter.Session) {
	limits := c.srv.cfg.Limits
	tick := time.NewTicker(max(min(limits.PingInterval, limits.PingTimeout, limits.SendStall, time.Second)/8, time.Millisecond))
	defer tick.Stop()
	var pinged time.Time
	since := time.Now() // since when the client has accepted no byte although something waits for that
	for {
		var now time.Time
		select {
		case <-c.ended:
			sess.Closed(*c.reason) // not changed any more
			return
		case now = <-tick.C:
		}
		c.mu.Lock()
		if c.bytes <= limits.SendQueue && c.waiting == 0 {
			since = now
		} else if since.Before(c.moved) {
			since = c.moved
		}
		c.mu.Unlock()
		stalled, heard := sess.Stalled(), time.Unix(0, c.heard.Load())
		switch {
		case now.Sub(since) > limits.SendStall:
			c.cut(websockets.Reason{Cause: websockets.CauseQueueOverflow})
		case stalled > limits.PingInterval+limits.PingTimeout, stalled == 0 && now.Sub(heard) > limits.PingInterval+limits.PingTimeout:
			c.cut(websockets.Reason{Cause: websockets.CausePingTimeout})
		case stalled > 0: // its pong may wait behind what is not read
			c.heard.Store(now.UnixNano())
		case now.Sub(heard) > limits.PingInterval && !pinged.After(heard):
			pinged = now
			_ = c.pushLine(line{Ctl: "ping"}, adapter.EmitOptions{}, true)
		}
	}
}

// end
