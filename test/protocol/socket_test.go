package protocol_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/coder/websocket"
)

// socket is a WebSocket connection of a case.
type socket struct {
	p    *play
	conn *websocket.Conn
	// ponging answers pings, unrecorded.
	ponging bool
}

// frame is a message, or the close of the connection.
type frame struct {
	text  string // as in transcripts
	ended bool
}

// dialWS opens a WebSocket; answer is the response if that fails.
func dialWS(t *testing.T, addr, path string, header http.Header) (*websocket.Conn, answer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, "ws://"+addr+path, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		if ctx.Err() != nil {
			t.Fatalf("no answer to the upgrade within %v", patience)
		}
		if res == nil {
			return nil, answer{}
		}
		body, _ := io.ReadAll(res.Body)
		return nil, answer{res.StatusCode, res.Header, string(body)}
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn, answer{status: res.StatusCode, header: res.Header}
}

func readFrame(t *testing.T, conn *websocket.Conn) frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kind, b, err := conn.Read(ctx)
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		return frame{fmt.Sprintf("closed %d", closed.Code), true}
	}
	if err != nil {
		if ctx.Err() != nil {
			t.Fatalf("nothing received over the websocket within %v", patience)
		}
		return frame{"cut", true}
	}
	if kind == websocket.MessageBinary {
		return frame{text: fmt.Sprintf("<% x>", b)}
	}
	return frame{text: string(b)}
}

// send sends text messages. Writes to a closed server are ignored.
func (s *socket) send(texts ...string) {
	for _, text := range texts {
		s.write(websocket.MessageText, text)
		s.p.notef("ws > %s", brief(text))
	}
}

// sendBinary sends a binary message.
func (s *socket) sendBinary(bytes string) {
	s.write(websocket.MessageBinary, bytes)
	s.p.notef("ws > <% x>", bytes)
}

func (s *socket) write(kind websocket.MessageType, data string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = s.conn.Write(ctx, kind, []byte(data))
}

// next returns the next message, unrecorded.
func (s *socket) next() string {
	s.p.t.Helper()
	return s.nextFrame().text
}

func (s *socket) nextFrame() frame {
	s.p.t.Helper()
	f := readFrame(s.p.t, s.conn)
	for s.ponging && f.text == "2" {
		s.write(websocket.MessageText, "3")
		f = readFrame(s.p.t, s.conn)
	}
	if f.ended {
		_ = s.conn.CloseNow()
	}
	return f
}

// receive records the next n messages.
func (s *socket) receive(n int) {
	s.p.t.Helper()
	for range n {
		f := s.nextFrame()
		s.p.notef("ws < %s", f.text)
		if f.ended {
			return
		}
	}
}

// receiveAll records everything until the server closes the connection.
func (s *socket) receiveAll() {
	s.p.t.Helper()
	for {
		f := s.nextFrame()
		s.p.notef("ws < %s", f.text)
		if f.ended {
			return
		}
	}
}

// works records that the session is served: an event is acknowledged, and nothing arrived
// before.
func (s *socket) works() {
	s.p.t.Helper()
	s.write(websocket.MessageText, `427["message-with-ack","works"]`)
	if got := s.next(); got != `437["works"]` {
		s.p.notef("ws does not work: %s", got)
		return
	}
	s.p.notef("ws works")
}

// outcome records messages until the session is known to work, or has closed, and the reason.
func (s *socket) outcome() {
	s.p.t.Helper()
	s.write(textMessage, `427["message-with-ack","works"]`)
	for {
		f := s.nextFrame()
		switch {
		case f.ended:
			s.p.notef("ws < %s", f.text)
			s.p.left()
			return
		case f.text == `437["works"]`:
			s.p.notef("ws works")
			return
		}
		s.p.notef("ws < %s", f.text)
	}
}

// leave closes the WebSocket.
func (s *socket) leave() {
	_ = s.conn.Close(websocket.StatusNormalClosure, "")
	s.p.notef("ws > close frame")
}

// cut closes the TCP connection.
func (s *socket) cut() {
	_ = s.conn.CloseNow()
	s.p.notef("ws > cut")
}
