package deploy_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// stream is a stream of HTTP/2 as a connection.
type stream struct {
	net.Conn // nil: has no addresses
	io.ReadCloser

	w *io.PipeWriter
}

func (s stream) Read(b []byte) (int, error)  { return s.ReadCloser.Read(b) }
func (s stream) Write(b []byte) (int, error) { return s.w.Write(b) }
func (s stream) Close() error {
	return errors.Join(s.w.CloseWithError(io.ErrUnexpectedEOF), s.ReadCloser.Close())
}
func (stream) SetDeadline(time.Time) error      { return nil }
func (stream) SetReadDeadline(time.Time) error  { return nil }
func (stream) SetWriteDeadline(time.Time) error { return nil }

// extendedConnect opens a WebSocket by an extended CONNECT of RFC 8441, which is an error where the proxy does not accept
// that.
func (x *proxy) extendedConnect(t *testing.T, path string) (*rawpeer.Peer, error) {
	t.Helper()
	tr := &http2.Transport{TLSClientConfig: x.tls} //nolint:staticcheck // http.Transport rejects the name :protocol
	t.Cleanup(tr.CloseIdleConnections)             //nolint:staticcheck // as above
	ctx, cancel := context.WithTimeout(t.Context(), 2*testkit.Patience)
	t.Cleanup(cancel)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, x.url+path, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Origin": {x.url}}
	resp, err := tr.RoundTrip(req) //nolint:staticcheck // as above
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, errors.New(resp.Status)
	}
	return rawpeer.On(t, stream{ReadCloser: resp.Body, w: w}), nil
}

// TestWebSocketOverHTTP2: HAProxy accepts WebSockets over HTTP/2, with binary that is larger than a window of it, and
// nginx and Caddy announce that they do not: clients then use HTTP/1.1.
func TestWebSocketOverHTTP2(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		b, p := startBackend(t, true, false, websockets.Limits{PingInterval: idle / 6})
		p.timeout = seconds(idle)
		x := k.run(t, p)
		c, err := x.extendedConnect(t, "/chat/ws")
		if !k.h2 {
			if err == nil || !strings.Contains(err.Error(), "extended connect not supported by peer") {
				t.Errorf("an extended CONNECT: %v", err)
			}
			over := apptest.DialWS(t, x.url+"/chat/ws", apptest.WithTLS(x.tls), apptest.WithTimeout(testkit.Patience))
			if got := apptest.Call[client](over, "client"); got.Protocol != "HTTP/1.1" {
				t.Errorf("got %+v", got)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Send(`{"event":"client","id":1}`)
		if got, want := c.Text(), `{"id":1,"data":{"Address":"127.0.0.1","Protocol":"HTTP/2.0","Path":"/ws"}}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		data := base64.StdEncoding.EncodeToString(large(t))
		for range 3 {
			c.Frame(rawpeer.Fin|rawpeer.OpBinary, `{"event":"binary","id":2,"data":"`+data+`"}`)
			if got := c.Text(); got != `{"id":2,"data":"`+data+`"}` {
				t.Errorf("binary: %.100s", got)
			}
		}
		c.Send(fmt.Sprintf(`{"event":"later","data":%d}`, silence.Milliseconds()))
		c.Want(fmt.Sprintf(`{"event":"now","data":%d}`, silence.Milliseconds()))
		c.Send(`{"event":"leave"}`)
		if code, text := c.Closed(); code != 4001 || text != "leave" {
			t.Errorf("closed by %d %q", code, text)
		}
		b.wantLeft(t, "the server closes", websockets.CauseServerDisconnect)
		if c, err = x.extendedConnect(t, "/chat/ws"); err != nil {
			t.Fatal(err)
		}
		c.Abort()
		b.wantLeft(t, "the client resets the stream", websockets.CauseTransportClose, websockets.CauseTransportError)
		if _, err = x.extendedConnect(t, "/chat/ws?refused"); err == nil || err.Error() != "403 Forbidden" {
			t.Errorf("a refused WebSocket: %v", err)
		}
	})
}
