package matrix_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/internal/matrix"
)

// peer is a raw WebSocket client that can send any private id and offset when it connects.
type peer struct {
	conn            *websocket.Conn
	id, pid, offset string
	acked           bool     // next has received an ack before the event
	waiting         []string // packets that join has read
}

// join connects, and recovers the session of pid if it is not empty. It returns when
// HandleConnection has returned: only from then on can the client be recovered.
func join(url, pid, offset string) (*peer, error) {
	ctx, cancel := matrix.Timeout()
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(url, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(-1)
	p := &peer{conn: conn, offset: offset}
	ask := "40"
	if pid != "" {
		ask += fmt.Sprintf(`{"pid":%q,"offset":%q}`, pid, offset)
	}
	if err := conn.Write(ctx, websocket.MessageText, []byte(ask)); err != nil {
		return nil, err
	}
	for {
		text, err := p.read(ctx)
		if err != nil {
			p.cut()
			return nil, err
		}
		if strings.HasPrefix(text, "40") {
			var c struct{ SID, PID string }
			err := json.Unmarshal([]byte(text[2:]), &c)
			p.id, p.pid = c.SID, c.PID
			if err == nil {
				err = p.settle(ctx)
			}
			if err != nil {
				p.cut()
			}
			return p, err
		}
	}
}

// settle waits for the answer to a message: messages are handled after HandleConnection.
func (p *peer) settle(ctx context.Context) error {
	if err := p.write(`429["echo"]`); err != nil {
		return err
	}
	var before []string
	for {
		text, err := p.read(ctx)
		if err != nil {
			return err
		}
		if strings.HasPrefix(text, "439[") {
			p.waiting = before
			return nil
		}
		before = append(before, text)
	}
}

func mustJoin(t *testing.T, url, pid, offset string) *peer {
	t.Helper()
	p, err := join(url, pid, offset)
	if err != nil {
		t.Fatalf("join: %v", err)
	}
	t.Cleanup(p.cut)
	return p
}

// read returns the next packet other than a ping.
func (p *peer) read(ctx context.Context) (string, error) {
	if len(p.waiting) > 0 {
		next := p.waiting[0]
		p.waiting = p.waiting[1:]
		return next, nil
	}
	for {
		_, b, err := p.conn.Read(ctx)
		if err != nil {
			return "", err
		}
		if string(b) != "2" {
			return string(b), nil
		}
		if err := p.write("3"); err != nil {
			return "", err
		}
	}
}

func (p *peer) write(packet string) error {
	ctx, cancel := matrix.Timeout()
	defer cancel()
	return p.conn.Write(ctx, websocket.MessageText, []byte(packet))
}

// next returns the number in the next event "x", and stores its offset.
func (p *peer) next() (int, error) {
	ctx, cancel := matrix.Timeout()
	defer cancel()
	for {
		text, err := p.read(ctx)
		if err != nil {
			return 0, err
		}
		if !strings.HasPrefix(text, "42") {
			p.acked = p.acked || strings.HasPrefix(text, "43")
			continue
		}
		var args []json.RawMessage
		if err := json.Unmarshal([]byte(text[2:]), &args); err != nil || len(args) < 3 {
			return 0, fmt.Errorf("packet %.80s: %w", text, err)
		}
		var event string
		var n int
		_ = json.Unmarshal(args[0], &event)
		if err := json.Unmarshal(args[2], &p.offset); err != nil {
			return 0, fmt.Errorf("packet %.80s: %w", text, err)
		}
		if event != "x" {
			continue
		}
		err = json.Unmarshal(args[1], &n)
		return n, err
	}
}

// expect fails the test unless the next numbers are from, …, to.
func (p *peer) expect(t *testing.T, from, to int) {
	t.Helper()
	for want := from; want <= to; want++ {
		if got, err := p.next(); err != nil || got != want {
			t.Fatalf("got %d, %v, want %d", got, err, want)
		}
	}
}

// cut drops the connection without a close frame.
func (p *peer) cut() { _ = p.conn.CloseNow() }
