package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// wsClient is a plain WebSocket client on coder/websocket. It does the same as chatter.mjs.
type wsClient struct {
	name, url string
	ledger    *ledger

	leave chan struct{} // hop
	halt  chan struct{} // stop: no more notes
	done  chan struct{}
	n     int // the last note
}

func newWS(name, url string, l *ledger) *wsClient {
	c := &wsClient{
		name: name, url: url + "?client=" + name, ledger: l,
		leave: make(chan struct{}, 1), halt: make(chan struct{}), done: make(chan struct{}),
	}
	go c.run()
	return c
}

func (c *wsClient) hop() error {
	select {
	case c.leave <- struct{}{}:
	default: // it is stopping
	}
	return nil
}

func (c *wsClient) stop() error {
	close(c.halt)
	select {
	case <-c.done:
		return nil
	case <-time.After(testkit.Patience):
		return errors.New("it does not end")
	}
}

// run connects repeatedly.
func (c *wsClient) run() {
	defer close(c.done)
	for !c.session() {
		select {
		case <-time.After(again):
		case <-c.halt:
			return
		}
	}
}

// envelope is the frame of plain WebSocket.
type envelope struct {
	Event string          `json:"event,omitempty"`
	ID    int             `json:"id,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// session is one connection; over reports that the client has finished.
func (c *wsClient) session() (over bool) {
	dialling, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	conn, _, err := websocket.Dial(dialling, c.url, nil)
	if err != nil {
		return false
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	c.ledger.mu.Update(func() { c.ledger.connections++ })

	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	frames := make(chan envelope)
	go func() {
		defer close(frames)
		for {
			var e envelope
			if err := wsjson.Read(ctx, conn, &e); err != nil {
				return
			}
			select {
			case frames <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	s := state{flying: map[int]note{}}
	halt := c.halt
	for {
		if halt == nil && len(s.flying) == 0 {
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return true
		}
		select {
		case e, ok := <-frames:
			if !ok {
				return halt == nil // unacknowledged notes are lost
			}
			if err := s.take(c, e); err != nil {
				c.ledger.problemf("%v", err)
			}
		case <-halt:
			halt = nil
		case <-c.leave:
			go func() { // frames arrive until the close handshake is complete
				for range frames {
				}
			}()
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return false
		case <-tick.C:
			if halt == nil || len(s.flying) >= window {
				continue
			}
			c.n++
			n := c.note()
			s.flying[n.N] = n
			if !c.put(ctx, conn, n) {
				return false
			}
		}
	}
}

func (c *wsClient) note() note {
	n := note{Client: c.name, N: c.n, Text: strings.Repeat(string(rune('a'+c.n%26)), c.n*7919%1500)}
	if c.n%40 == 0 {
		n.Text = strings.Repeat("x", 20_000)
	}
	if c.n%3 == 0 {
		n.Pad = bytes.Repeat([]byte{byte(c.n)}, c.n*31%700)
	}
	return n
}

func (c *wsClient) put(ctx context.Context, conn *websocket.Conn, n note) bool {
	data, err := json.Marshal(n)
	if err != nil {
		c.ledger.problemf("%v", err)
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
	defer cancel()
	return wsjson.Write(ctx, conn, envelope{Event: "put", ID: n.N, Data: data}) == nil
}

// state is of one connection.
type state struct {
	flying          map[int]note
	acked, received int
}

func (s *state) take(c *wsClient, e envelope) error {
	switch {
	case e.Event == "received":
		var n int
		if err := json.Unmarshal(e.Data, &n); err != nil || n <= s.received {
			return fmt.Errorf("received %s after %d", e.Data, s.received)
		}
		s.received = n
		return nil
	case e.Event != "":
		return fmt.Errorf("%s %d: %s", e.Event, e.ID, e.Data)
	}
	want, ok := s.flying[e.ID]
	if !ok {
		return fmt.Errorf("ack of %d, which is not on its way", e.ID)
	}
	delete(s.flying, e.ID)
	var got note
	if err := json.Unmarshal(e.Data, &got); err != nil {
		return fmt.Errorf("ack of %d: %w", e.ID, err)
	}
	if got.N != want.N || got.Text != want.Text || !bytes.Equal(got.Pad, want.Pad) {
		return fmt.Errorf("the ack of %d is of another note: %.200s", e.ID, e.Data)
	}
	if e.ID <= s.acked {
		return fmt.Errorf("ack of %d after that of %d", e.ID, s.acked)
	}
	if s.received < e.ID {
		return fmt.Errorf("ack of %d, but the event before it has not arrived: %d", e.ID, s.received)
	}
	s.acked = e.ID
	c.ledger.mu.Update(func() { c.ledger.acked = append(c.ledger.acked, e.ID) })
	return nil
}
