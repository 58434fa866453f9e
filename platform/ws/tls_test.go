package ws

import (
	"bytes"
	"compress/flate"
	"crypto/tls"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// dialTLS serves r over TLS as well and opens a WebSocket there.
func (r *testServer) dialTLS() (*peer, *session) {
	r.t.Helper()
	srv := httptest.NewTLSServer(r.srv)
	r.t.Cleanup(srv.Close)
	p := &peer{rawpeer.Dial(r.t, srv.Listener.Addr().String(), rawpeer.WithTLS(&tls.Config{InsecureSkipVerify: true})), r.t}
	if resp := p.request(upgradeHead); resp.Status != 101 {
		r.t.Fatal(resp.Status)
	}
	return p, r.session()
}

func TestTLS(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, s := r.dialTLS()
	big := `{"event":"e","data":"` + longText(9000) + `"}`
	p.text(big)
	p.want(big)
	s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
	p.wantClose(1001, "server shutting down")
	p.close(1001, "")
	if _, err := p.R.ReadByte(); err == nil || err.Error() != "EOF" {
		t.Errorf("the end is %v, want that of TLS", err)
	}
	s.reason(t)

	p, s = r.dialTLS() // F33
	p.text(`{"event":"e"}`)
	p.want(`{"event":"e"}`)
	p.Abort()
	if got := s.reason(t); got.Cause != websockets.CauseTransportClose {
		t.Errorf("reason %+v", got)
	}
}

// A client that reads nothing cannot hold the end of a TLS connection.
func TestTLSCloseIsBounded(t *testing.T) {
	r := newTestServer(t, &endpoint{}, func(c *adapter.ServerConfig) {
		c.Limits.SendQueue = 64 << 20
		c.Limits.CloseTimeout = 50 * time.Millisecond
	})
	_, s := r.dialTLS()
	for range 4 {
		_ = s.conn.Emit(out("e", `"`+longText(8<<20)+`"`), 0)
	}
	start := time.Now()
	s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
	s.reason(t)
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

func deflate(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(text))
	_ = w.Flush()
	return bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// V31: the limit applies to the decompressed message.
func TestCompressionBomb(t *testing.T) {
	for _, mode := range []Compression{CompressionEach, CompressionStream} {
		r := newTestServer(t, nil, nil, Options{Compression: mode})
		p, s := r.connect("Sec-WebSocket-Extensions: permessage-deflate")
		fits := `{"event":"e","id":1,"data":"` + longText(9000) + `"}`
		p.write(rawFrame(0xc0|opText, deflate(t, fits)))
		if b, err := p.R.ReadByte(); err != nil || b != 0xc0|opText {
			t.Fatalf("first byte of the answer %x, %v", b, err)
		}
		n, _ := p.R.ReadByte()
		_, _ = p.R.Discard(int(n))
		bomb := deflate(t, strings.Repeat("x", 8_000_000))
		if len(bomb) > 9000 {
			t.Fatal("the bomb is too large")
		}
		p.write(rawFrame(0xc0|opText, bomb))
		p.wantClose(1009, "message too big")
		_ = p.Conn.Close()
		s.wantReason(t, websockets.Reason{Cause: websockets.CauseMessageTooBig, Code: 1009, Text: "message too big"})
		if s.count() != 1 {
			t.Errorf("%d messages", s.count())
		}
	}
}
