package frames_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const (
	plain     = "ws"
	overWS    = "socketio"
	byPolling = "polling"
)

// line is a server and a client's protocol.
type line struct {
	*stage.Stage
	t    *testing.T
	name string
	opts []rawpeer.DialOption
}

// options for both platforms.
type options struct {
	fragments int
	timeout   time.Duration // of a message
	deflate   bool
	limits    websockets.Limits
	more      []stage.Option
}

// maxMessage is the default limit of these tests.
const maxMessage = 10_000

// lines returns both platforms with WebSocket frames.
func lines(t *testing.T, o options, f func(t *testing.T, l *line)) {
	t.Helper()
	if o.limits.MaxMessage == 0 {
		o.limits.MaxMessage = maxMessage
	}
	if o.limits.CloseTimeout == 0 {
		o.limits.CloseTimeout = time.Second
	}
	for _, name := range []string{plain, overWS} {
		t.Run(name, func(t *testing.T) {
			var adapter adapter.Adapter
			if name == plain {
				p := ws.Options{MaxFragments: o.fragments, MessageTimeout: o.timeout}
				if o.deflate {
					p.Compression = ws.CompressionEach
				}
				adapter = ws.New(p)
			} else {
				p := socketio.Options{MaxFragments: o.fragments, MessageTimeout: o.timeout}
				if o.deflate {
					p.Compression = socketio.CompressionEach
				}
				adapter = socketio.New(p)
			}
			l := &line{t: t, name: name}
			l.Stage = stage.New(t, adapter, append([]stage.Option{stage.Limits(o.limits)}, o.more...)...)
			f(t, l)
		})
	}
}

// open connects a client; on Socket.IO it enters the namespace.
func (l *line) open(opts ...rawpeer.DialOption) *rawpeer.Peer {
	l.t.Helper()
	opts = append(opts, l.opts...)
	if l.name == plain {
		p := rawpeer.Open(l.t, l.Addr, "/", opts...)
		return p
	}
	s := rawpeer.NewEngine(l.t, l.Addr).WebSocket(opts...)
	rawpeer.Enter(l.t, s, "/", "")
	return s.Peer
}

// echo sends a text and expects it back.
func (l *line) echo(p *rawpeer.Peer, text string) {
	l.t.Helper()
	if l.name == plain {
		rawpeer.EchoWS(l.t, p, text)
	} else {
		rawpeer.Echo(l.t, &rawpeer.Socket{Peer: p}, text)
	}
}

// message is the text of an event with a string as its payload.
func (l *line) message(event, data string) string {
	if l.name == plain {
		return `{"event":` + strconv.Quote(event) + `,"data":"` + data + `"}`
	}
	return `42[` + strconv.Quote(event) + `,"` + data + `"]`
}

// ofSize returns an event "noop" with a text of n bytes.
func (l *line) ofSize(n int) string {
	return l.message("noop", strings.Repeat("x", n-len(l.message("noop", ""))))
}

func (l *line) alive() {
	l.t.Helper()
	if l.name == plain {
		rawpeer.AliveWS(l.t, l.Addr, "/", l.opts...)
	} else {
		rawpeer.AliveSocketIO(l.t, l.Addr, l.opts...)
	}
	l.WantGone(1)
}

// text returns a text message in one frame.
func text(payload string) string { return frame(rawpeer.Fin|rawpeer.OpText, payload) }

// frame returns a masked frame.
func frame(first byte, payload string) string {
	return rawpeer.Frame{First: first, Payload: payload, Mask: [4]byte{0x37, 0xfa, 0x21, 0x3d}}.Bytes()
}
