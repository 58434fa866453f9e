package zishang

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// closeFrameTimeout bounds the write of a close frame behind a full socket buffer.
const closeFrameTimeout = 100 * time.Millisecond

// wsBuilder makes the library's WebSocket transport and keeps hold of its
// connection, which the library closes without a close frame.
type wsBuilder struct{ engine.WebSocketBuilder }

func (*wsBuilder) New(ctx *types.HttpContext) transports.Transport {
	t := &wsTransport{Transport: transports.NewWebSocket(ctx), conn: ctx.Websocket}
	answer := t.conn.CloseHandler()
	t.conn.SetCloseHandler(func(code int, text string) error {
		t.closed.Store(true)
		return answer(code, text)
	})
	return t
}

type wsTransport struct {
	transports.Transport
	conn   *types.WebSocketConn
	closed atomic.Bool // the client has sent a close frame
}

// pollBuilder makes the library's polling transport.
type pollBuilder struct{ engine.PollingBuilder }

func (*pollBuilder) New(ctx *types.HttpContext) transports.Transport {
	return &pollTransport{transports.NewPolling(ctx)}
}

type pollTransport struct{ transports.Transport }

// Close does not wait for a poll to answer: the library would keep a timer for
// 30 s for every abandoned client, although it knows the session no longer, so
// that no poll of it could arrive.
func (t *pollTransport) Close(fn ...types.Callable) {
	t.Discard()
	t.Transport.Close(fn...)
}

func (t *wsTransport) writeCloseFrame(r websockets.Reason) {
	code, text := websocket.CloseGoingAway, ""
	if r.Cause == websockets.CauseClientErrors {
		code, text = websocket.ClosePolicyViolation, r.Text
	}
	_ = t.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(closeFrameTimeout))
}

// upgradeWriter is the ResponseWriter of an upgrade. The connection that is
// taken from it lets nothing be read before the library has set itself up:
// what a quick client sends earlier would be lost.
type upgradeWriter struct {
	http.ResponseWriter
	open chan struct{}
}

func (w *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return &gatedConn{Conn: c, open: w.open}, rw, nil
}

type gatedConn struct {
	net.Conn
	open chan struct{}
}

// NetConn is the connection below.
func (c *gatedConn) NetConn() net.Conn { return c.Conn }

func (c *gatedConn) Read(b []byte) (int, error) {
	<-c.open
	return c.Conn.Read(b)
}
