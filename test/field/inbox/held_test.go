package inbox_test

import (
	"bytes"
	"compress/flate"
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const (
	fixed = 16 << 10  // cost of a connection besides its limits
	own   = 128 << 10 // of the test's client
	bound = 1 << 20   // of the inbox
)

// TestField_X02_InboxHeld: A client whose handlers are busy, or whose HandleConnection has not returned, holds no
// more than four times the 1 MiB of its inbox, at most 25 bytes for each byte it sent (100 with compression), and
// nothing after it has disconnected: with long event names, blanks inside packets, tiny messages, unparsable ones,
// attachments, over every transport.
func TestField_X02_InboxHeld(t *testing.T) {
	long := strings.Repeat("x", 990_000)
	blanks := strings.Repeat(" ", 990_000)
	for _, a := range []struct {
		name     string
		platform string
		messages []string
	}{
		{"event name", "ws", repeat(`{"event":"`+long+`"}`, 40)},
		{"blanks", "ws", repeat(`{"event":"wait",`+blanks+`"data":1}`, 40)},
		{"large id", "ws", repeat(`{"event":"wait","id":"`+long+`"}`, 40)},
		{"unparsable", "ws", repeat(long, 40)},
		{"tiny", "ws", repeat(`{"event":"wait"}`, 40_000)},
		{"large payload", "ws", repeat(`{"event":"wait","data":"`+long+`"}`, 64)},
		{"event name", "socketio", repeat(`42["`+long+`"]`, 40)},
		{"blanks", "socketio", repeat(`42["wait",`+blanks+`1]`, 40)},
		{"tiny", "socketio", repeat(`42["wait"]`, 40_000)},
		{"large payload", "socketio", repeat(`42["wait","`+long+`"]`, 64)},
		{"tiny", "polling", repeat(`42["wait"]`, 20_000)},
		{"blanks", "polling", repeat(`42["wait",`+strings.Repeat(" ", 2000)+`1]`, 400)},
	} {
		modes := []string{"handler", "hook", "compressed"}
		if a.platform == "polling" {
			modes = modes[:2] // requests are never compressed
		}
		for _, mode := range modes {
			t.Run(a.platform+"/"+a.name+"/"+mode, func(t *testing.T) {
				held(t, a.platform, mode, a.messages)
			})
		}
	}
}

func held(t *testing.T, platform, mode string, messages []string) {
	t.Helper()
	release := make(chan struct{})
	opts := []stage.Option{stage.App(app.Logger(slog.New(slog.DiscardHandler))), stage.Handle(websockets.Listen("wait", func(context.Context, websockets.Payload) error {
		<-release
		return nil
	}))}
	if mode == "hook" {
		opts = append(opts, stage.OnConnect(func(context.Context, websockets.Client) error { <-release; return nil }))
	}
	s := stage.New(t, adapterOf(platform, mode == "compressed"), opts...)
	w := open(t, platform, s.Addr, mode == "compressed")
	s.Wait("the client is connected", func() bool { return s.Connects() == 1 })
	before := heap()
	sent := w.send(messages)
	h := settled() - before
	most, ratio := 25, "25"
	if mode == "compressed" {
		most, ratio = 100, "100"
	}
	t.Logf("sent %d KiB, held %d KiB", sent>>10, h>>10)
	if h > 4*bound+fixed+own {
		t.Errorf("%d KiB are held, the limit is 4 x %d", h>>10, bound>>10)
	}
	if sent >= 64<<10 && h > most*sent+fixed+own {
		t.Errorf("%d bytes are held for %d that were sent, more than %s times as much", h, sent, ratio)
	}
	w.leave()
	close(release)
	s.WantGone(1)
	for end := time.Now().Add(10 * time.Second); ; {
		left := heap() - before
		if left < 64<<10 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("%d KiB are held after the client has disconnected", left>>10)
			break
		}
	}
}

func adapterOf(platform string, compressed bool) adapter.Adapter {
	switch {
	case platform == "ws" && compressed:
		return ws.New(ws.Options{Compression: ws.CompressionEach})
	case platform == "ws":
		return ws.New()
	case compressed:
		return socketio.New(socketio.Options{Compression: socketio.CompressionEach})
	default:
		return socketio.New()
	}
}

// wire is a client that sends until the server stops reading.
type wire struct {
	*rawpeer.Peer
	compressed bool
	post       func(body string) string
	leave      func()
}

func open(t *testing.T, platform, addr string, compressed bool) *wire {
	t.Helper()
	var opts []rawpeer.DialOption
	if compressed {
		opts = append(opts, rawpeer.WithLines("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"))
	}
	e := rawpeer.NewEngine(t, addr)
	switch platform {
	case "ws":
		p := rawpeer.Open(t, addr, "/", opts...)
		return &wire{Peer: p, compressed: compressed, leave: p.Abort}
	case "socketio":
		s := e.WebSocket(opts...)
		rawpeer.Enter(t, s, "/", "")
		return &wire{Peer: s.Peer, compressed: compressed, leave: s.Abort}
	}
	p := e.Poll()
	rawpeer.Enter(t, p, "/", "")
	post := rawpeer.Dial(t, addr)
	return &wire{
		Peer: post,
		post: func(body string) string { return rawpeer.Post(e.Query("polling", p.SID), body) },
		leave: func() {
			post.Abort()
			p.Abort() // two polls at once end the session at once
			poll := rawpeer.Request(http.MethodGet, e.Query("polling", p.SID)) + "\r\n"
			e.Start(poll)
			e.Start(poll)
		},
	}
}

// send returns how many bytes the server's side accepted before it stopped reading, or all.
func (w *wire) send(messages []string) (sent int) {
	const pause = 400 * time.Millisecond // the server has stopped reading
	write := func(p []byte) bool {
		for len(p) > 0 {
			_ = w.Conn.SetWriteDeadline(time.Now().Add(pause))
			n, err := w.Conn.Write(p)
			sent += n
			if err != nil {
				return false
			}
			p = p[n:]
		}
		return true
	}
	defer func() { <-time.After(pause) }() // the server has read what it reads
	if w.post != nil {
		write([]byte(w.post(strings.Join(messages, "\x1e"))))
		return sent
	}
	last, frame := "", []byte(nil)
	for _, m := range messages {
		if m != last {
			last, frame = m, w.frame(m)
		}
		if !write(frame) {
			return sent
		}
	}
	return sent
}

func (w *wire) frame(m string) []byte {
	if !w.compressed {
		return []byte(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: m}.Bytes())
	}
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = z.Write([]byte(m))
	_ = z.Flush()
	p := bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff}) // RFC 7692 §7.2.1
	return []byte(rawpeer.Frame{First: rawpeer.Fin | 0x40 | rawpeer.OpText, Payload: string(p)}.Bytes())
}

func repeat(message string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = message
	}
	return all
}

// settled returns the live heap when the server has handled what it accepts.
func settled() int {
	for last := heap(); ; {
		<-time.After(200 * time.Millisecond)
		now := heap()
		if d := now - last; -fixed < d && d < fixed {
			return now
		}
		last = now
	}
}

// heap returns the live heap after several collections, because pools survive one.
func heap() int {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
