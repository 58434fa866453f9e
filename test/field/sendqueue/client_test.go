package sendqueue_test

import (
	"bufio"
	"compress/flate"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// way is a platform and a transport.
type way struct {
	name    string
	adapter adapter.Adapter
	tls     bool
	polls   bool
	enter   func(t *testing.T, addr string, opts ...rawpeer.DialOption) client
}

// client is a client in the main namespace. Its methods may be called by any goroutine; one may ask while another
// reads.
type client interface {
	// ask calls an event, numbered from..to-1, at once.
	ask(event string, from, to int) error
	// next reads the next messages, and answers heartbeats.
	next() ([]string, error)
	// slow limits reading to n bytes in each 10 ms from now on.
	slow(n int)
}

func ways() []way {
	const deflate = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"
	insecure := rawpeer.WithTLS(&tls.Config{InsecureSkipVerify: true})
	return []way{
		{name: "ws", adapter: ws.New(), enter: enterWS},
		{name: "ws over TLS", adapter: ws.New(), tls: true, enter: func(t *testing.T, addr string, opts ...rawpeer.DialOption) client {
			t.Helper()
			return enterWS(t, addr, append(opts, insecure)...)
		}},
		{
			name: "ws, compressed", adapter: ws.New(ws.Options{Compression: ws.CompressionEach}),
			enter: func(t *testing.T, addr string, opts ...rawpeer.DialOption) client {
				t.Helper()
				return enterWS(t, addr, append(opts, rawpeer.WithLines(deflate))...)
			},
		},
		{name: "socketio", adapter: socketio.New(), enter: enterSocketIO},
		{name: "socketio, upgraded", adapter: socketio.New(), enter: enterUpgraded},
		{name: "polling", adapter: socketio.New(), polls: true, enter: enterPolling},
		{
			name: "polling, compressed", adapter: socketio.New(socketio.Options{HTTPCompression: 1000}), polls: true,
			enter: func(t *testing.T, addr string, opts ...rawpeer.DialOption) client {
				t.Helper()
				c := enterPolling(t, addr, opts...).(*poller)
				c.Lines = []string{"Accept-Encoding: gzip"}
				return c
			},
		},
		{name: "zishang", adapter: zishang.New(), enter: enterSocketIO},
		{name: "zishang, polling", adapter: zishang.New(), polls: true, enter: enterPolling},
	}
}

// each runs f with a server for each way, in parallel.
func each(t *testing.T, ways []way, limits websockets.Limits, f func(t *testing.T, w way, s *stage.Stage), opts ...stage.Option) {
	t.Helper()
	limits.CloseTimeout = 200 * time.Millisecond // polling clients with an empty queue do not poll
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			all := append([]stage.Option{stage.Limits(limits)}, opts...)
			if w.tls {
				all = append(all, stage.TLS())
			}
			f(t, w, stage.New(t, w.adapter, all...))
		})
	}
}

// throttled reads a little in each tick, and more after ticks that a busy machine has left out.
type throttled struct {
	net.Conn

	tick *time.Ticker
	last time.Time
	n    int
}

const tick = 10 * time.Millisecond

func (c *throttled) Read(p []byte) (int, error) {
	<-c.tick.C
	now := time.Now()
	ticks := max(1, int(now.Sub(c.last)/tick))
	c.last = now
	return c.Conn.Read(p[:min(len(p), c.n*ticks)])
}

// throttle makes a peer read slowly.
func throttle(t *testing.T, p *rawpeer.Peer, n int) {
	t.Helper()
	ticker := time.NewTicker(tick)
	t.Cleanup(ticker.Stop)
	p.R = bufio.NewReaderSize(&throttled{Conn: p.Conn, tick: ticker, last: time.Now(), n: n}, 64<<10)
}

// socket is a client over WebSocket.
type socket struct {
	*rawpeer.Peer

	t    *testing.T
	call string   // an event and its number, for Sprintf
	had  []string // messages received by polling
}

func enterWS(t *testing.T, addr string, opts ...rawpeer.DialOption) client {
	t.Helper()
	return &socket{Peer: rawpeer.Open(t, addr, "/", opts...), t: t, call: `{"event":%q,"id":%d,"data":0}`}
}

func enterSocketIO(t *testing.T, addr string, opts ...rawpeer.DialOption) client {
	t.Helper()
	w := rawpeer.NewEngine(t, addr).WebSocket(opts...)
	rawpeer.Enter(t, w, "/", "")
	return &socket{Peer: w.Peer, t: t, call: `42%[2]d[%[1]q,0]`}
}

func enterUpgraded(t *testing.T, addr string, opts ...rawpeer.DialOption) client {
	t.Helper()
	p := enterPolling(t, addr).(*poller)
	w := rawpeer.Open(t, addr, p.Query("websocket", p.SID), opts...)
	w.Send("2probe")
	w.Want("3probe")
	w.Send("5")
	return &socket{Peer: w, t: t, call: `42%[2]d[%[1]q,0]`, had: p.had}
}

func (c *socket) slow(n int) { throttle(c.t, c.Peer, n) }

func (c *socket) ask(event string, from, to int) error {
	var all strings.Builder
	for n := from; n < to; n++ {
		all.WriteString(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: fmt.Sprintf(c.call, event, n)}.Bytes())
	}
	return c.TryWrite(all.String())
}

func (c *socket) next() ([]string, error) {
	if had := c.had; had != nil {
		c.had = nil
		return had, nil
	}
	for {
		got, err := c.Next()
		switch {
		case err != nil:
			return nil, err
		case got.First == rawpeer.Fin|rawpeer.OpPing:
			if err := c.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpPong, Payload: got.Payload}.Bytes()); err != nil {
				return nil, err
			}
		case got.First == rawpeer.Fin|rawpeer.OpText && got.Payload == "2":
			if err := c.TrySend("3"); err != nil {
				return nil, err
			}
		case got.First == rawpeer.Fin|rawpeer.OpText:
			return []string{got.Payload}, nil
		case got.First == rawpeer.Fin|rawpeer.OpText|rawpeer.RSV1:
			text, err := io.ReadAll(flate.NewReader(strings.NewReader(got.Payload + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
			return []string{string(text)}, err
		default:
			return nil, fmt.Errorf("the server sent the frame %s", got)
		}
	}
}

// poller is a client over polling.
type poller struct {
	*rawpeer.Poller

	t     *testing.T
	opts  []rawpeer.DialOption
	polls *rawpeer.Peer // the connection of the polls
	had   []string      // messages received with the answer to CONNECT
}

func enterPolling(t *testing.T, addr string, opts ...rawpeer.DialOption) client {
	t.Helper()
	c := &poller{Poller: rawpeer.NewEngine(t, addr).Poll(), t: t, opts: opts}
	c.Send("40")
	messages, err := c.next()
	if err != nil || len(messages) == 0 || !strings.HasPrefix(messages[0], "40{") {
		t.Fatalf("CONNECT was answered %.100q, %v", messages, err)
	}
	if len(messages) > 1 {
		c.had = messages[1:]
	}
	return c
}

func (c *poller) slow(n int) { throttle(c.t, c.polls, n) }

func (c *poller) ask(event string, from, to int) error {
	packets := make([]string, 0, to-from)
	for n := from; n < to; n++ {
		packets = append(packets, fmt.Sprintf(`42%d[%q,0]`, n, event))
	}
	return c.post(strings.Join(packets, "\x1e"))
}

func (c *poller) post(body string) error {
	a, err := c.TryDo(c.PostBytes(body))
	if err == nil && (a.Status != http.StatusOK || a.Body != "ok") {
		err = fmt.Errorf("a POST was answered %d %.200q", a.Status, a.Body)
	}
	return err
}

func (c *poller) next() ([]string, error) {
	if had := c.had; had != nil {
		c.had = nil
		return had, nil
	}
	if c.polls == nil {
		p, err := rawpeer.TryDial(c.t, c.Addr, c.opts...)
		if err != nil {
			return nil, err
		}
		c.polls = p
	}
	if err := c.polls.TryWrite(c.GetBytes()); err != nil {
		return nil, err
	}
	a, err := c.polls.TryAnswer()
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, fmt.Errorf("a poll was answered %d %.200q", a.Status, a.Body)
	}
	body := a.Body
	if a.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gunzip(body); err != nil {
			return nil, err
		}
	}
	var messages []string
	for packet := range strings.SplitSeq(body, "\x1e") {
		switch packet {
		case "2":
			if err := c.post("3"); err != nil {
				return nil, err
			}
		case "6":
		default:
			messages = append(messages, packet)
		}
	}
	return messages, nil
}
