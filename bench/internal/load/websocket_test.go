package load

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
	"github.com/gorilla/websocket"
)

// peer is a server that speaks one of the protocols and is as difficult as it may be:
// it sends messages in fragments and pings before each of them.
type peer struct {
	greet func(c *websocket.Conn) error             // after the handshake
	reply func(c *websocket.Conn, msg string) error // to a message that is no pong
	pong  string                                    // answer to the protocol's own ping; empty: it has none
	pongs atomic.Int64
}

func say(c *websocket.Conn, msgs ...string) error {
	for _, m := range msgs {
		if err := c.WriteMessage(websocket.TextMessage, []byte(m)); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{WriteBufferSize: 40} // longer messages become several frames
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	if p.pong == "" {
		c.SetPongHandler(func(data string) error {
			if data != "are you there?" {
				return fmt.Errorf("pong %q", data)
			}
			p.pongs.Add(1)
			return nil
		})
	}
	if p.greet != nil && p.greet(c) != nil {
		return
	}
	for {
		_, msg, err := c.ReadMessage()
		if err != nil {
			return
		}
		if p.pong != "" && string(msg) == p.pong {
			p.pongs.Add(1)
			continue
		}
		if p.pong == "" {
			err = c.WriteControl(websocket.PingMessage, []byte("are you there?"), time.Now().Add(time.Minute))
		}
		if err != nil || p.reply(c, string(msg)) != nil {
			return
		}
	}
}

func TestProtocols(t *testing.T) {
	read := func(c *websocket.Conn, want string) error {
		if _, msg, err := c.ReadMessage(); err != nil || string(msg) != want {
			return fmt.Errorf("%q %w", msg, err)
		}
		return nil
	}
	for name, c := range map[string]struct {
		protocol wire.Protocol
		peer     *peer
	}{
		"plain": {wire.Plain, &peer{
			reply: func(c *websocket.Conn, msg string) error { return say(c, msg) },
		}},
		"socket.io": {wire.SocketIO, &peer{
			greet: func(c *websocket.Conn) error {
				if err := say(c, `0{"sid":"a"}`); err != nil {
					return err
				}
				if err := read(c, "40"); err != nil {
					return err
				}
				return say(c, "6", `40{"sid":"b"}`)
			},
			reply: func(c *websocket.Conn, msg string) error {
				if msg == "41" {
					return nil
				}
				id, data, _ := strings.Cut(strings.TrimPrefix(msg, "42"), `["echo",`)
				return say(c, "2", "43"+id+"["+data)
			},
			pong: "3",
		}},
		"centrifuge": {wire.Centrifuge, &peer{
			greet: func(c *websocket.Conn) error {
				if err := read(c, `{"id":1,"connect":{}}`); err != nil {
					return err
				}
				return say(c, `{"id":1,"connect":{"client":"a"}}`)
			},
			reply: func(c *websocket.Conn, msg string) error {
				return say(c, "{}\n"+strings.Replace(msg, `"method":"echo",`, "", 1)+"\n")
			},
			pong: "{}",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ts := httptest.NewServer(c.peer)
			defer ts.Close()
			s := Server{Protocol: c.protocol, Addr: ts.Listener.Addr().String(), PID: os.Getpid()}
			for _, w := range []Work{
				{Name: "echo", Kind: Echo, Conns: 3, InFlight: 2, Size: 4096},
				{Name: "connect", Kind: Connect, Conns: 3, Size: 64},
			} {
				before := c.peer.pongs.Load()
				res, err := runBounded(t, s, w)
				if err != nil {
					t.Fatal(err)
				}
				if !res.OK() || res.Count == 0 {
					t.Errorf("%s: %d counted, %q", w.Name, res.Count, res.Faults)
				}
				if c.peer.pongs.Load() == before {
					t.Errorf("%s: no ping was answered", w.Name)
				}
			}
		})
	}
}

func TestFaultsOfServers(t *testing.T) {
	nothing := func(*websocket.Conn, string) error { return nil }
	closeFrame := func(c *websocket.Conn) error {
		return c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1011, ""), time.Now().Add(time.Minute))
	}
	for _, c := range []struct {
		protocol wire.Protocol
		greet    func(*websocket.Conn) error
		says     string
	}{
		{wire.Plain, closeFrame, "sent a close frame: 03f3"},
		{wire.SocketIO, func(c *websocket.Conn) error { return say(c, `0{"sid":"a"}`, `44{"message":"no"}`) }, "not expected"},
		{wire.SocketIO, func(c *websocket.Conn) error { return say(c, "1") }, "not expected"},
		{wire.SocketIO, func(c *websocket.Conn) error { return say(c, "") }, "is empty"},
		{wire.Centrifuge, func(c *websocket.Conn) error { return say(c, `{"id":1,"error":{"code":103}}`) }, "answered"},
	} {
		p := &peer{greet: c.greet, reply: nothing}
		ts := httptest.NewServer(p)
		s := Server{Protocol: c.protocol, Addr: ts.Listener.Addr().String(), PID: os.Getpid()}
		_, err := runBounded(t, s, Work{Name: "echo", Kind: Echo, Conns: 1, InFlight: 1, Size: 64})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("error %v, want %q", err, c.says)
		}
		ts.Close()
	}
}

func TestRefusedUpgrade(t *testing.T) {
	ts := httptest.NewServer(http.NotFoundHandler())
	defer ts.Close()
	s := Server{Protocol: wire.Plain, Addr: ts.Listener.Addr().String(), PID: os.Getpid()}
	_, err := runBounded(t, s, Work{Name: "echo", Kind: Echo, Conns: 1, InFlight: 1, Size: 64})
	if err == nil || !strings.Contains(err.Error(), "404 Not Found") {
		t.Errorf("error %v", err)
	}
}

// A server that stays after the close handshake is counted, and does not stop the run.
func TestLeftOpen(t *testing.T) {
	done := make(chan struct{})
	p := &peer{reply: func(c *websocket.Conn, msg string) error {
		if err := say(c, msg); err != nil {
			return err
		}
		c.SetCloseHandler(func(code int, _ string) error {
			err := c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Minute))
			<-done
			return err
		})
		return nil
	}}
	ts := httptest.NewServer(p)
	defer ts.Close()
	s := Server{Protocol: wire.Plain, Addr: ts.Listener.Addr().String(), PID: os.Getpid()}
	timing := short()
	timing.Duration = 3 * closeGrace
	res, err := Run(t.Context(), s, Work{Name: "connect", Kind: Connect, Conns: 2, Size: 64}, timing)
	close(done)
	if err != nil {
		t.Fatal(err)
	}
	if !res.OK() || res.LeftOpen == 0 || res.LeftOpen < res.Count {
		t.Errorf("%d left open, %d cycles, %q", res.LeftOpen, res.Count, res.Faults)
	}
}
