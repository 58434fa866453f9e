package wsconn

import (
	"bufio"
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Buffers between the library and the wire. Small ones suffice: payloads are
// read past the buffer, and frames are written past it. Compressed messages are
// written through it.
const (
	readBuffer    = 512
	writeBuffer   = 256 // more than a control frame, so that each is one write
	deflateBuffer = 4096
)

// HandshakeOf makes the handshake's own copy of the request: its context does
// not end when the HTTP handler returns, and it holds no body.
func HandshakeOf(r *http.Request) *websockets.Handshake {
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = http.NoBody
	return &websockets.Handshake{Request: r}
}

// Accept upgrades a request that [CheckUpgrade] found in order, by the deadline.
// It gives nil when that failed: the response is then on its way or the client
// gone. The id is for logs. A connection is followed by Serve or GiveUp.
func (c *Config) Accept(w http.ResponseWriter, r *http.Request, id string, deadline time.Time) *Conn {
	if !canHijack(w) {
		c.Logger.Error("the HTTP server's ResponseWriter cannot be hijacked: a middleware hides it; give it an Unwrap method")
		websockets.WriteRefusal(w, &websockets.Error{Message: "Internal server error", Status: http.StatusInternalServerError})
		return nil
	}
	_ = http.NewResponseController(w).SetWriteDeadline(deadline) // hijacking takes it off
	protocols := c.Subprotocols
	if c.AnySubprotocol { // browsers refuse an answer without one if they have asked
		first, _, _ := strings.Cut(r.Header.Get("Sec-WebSocket-Protocol"), ",")
		if first = strings.TrimSpace(first); isToken(first) { // or bytes of the client would stand in our header
			protocols = []string{first}
		}
	}
	conn := &Conn{cfg: c, id: id, readerDone: make(chan struct{}), shard: c.Group.nextShard()}
	hw := &hijacker{ResponseWriter: w, cfg: c}
	ws, err := websocket.Accept(hw, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the platform has looked at the origin
		Subprotocols:       protocols,
		CompressionMode:    c.Compression.mode(),
		OnPingReceived:     conn.onPing,
	})
	if err != nil {
		c.Logger.Debug("handshake failed", "error", err)
		if hw.wire != nil {
			_ = hw.wire.Close()
		}
		return nil
	}
	ws.SetReadLimit(-1) // the inspector and the reader measure
	conn.ws, conn.wire = ws, hw.wire
	return conn
}

// CheckUpgrade finds what is wrong with a handshake, RFC 6455 §4.2.1.
func CheckUpgrade(w http.ResponseWriter, r *http.Request) error {
	fail := func(status int, code, message string) error {
		return &websockets.Error{Message: message, Code: code, Status: status}
	}
	h := w.Header()
	body := r.ContentLength != 0 || len(r.TransferEncoding) > 0
	if body {
		h.Set("Connection", "close") // or net/http would wait for the body
	}
	if r.Method != http.MethodGet {
		h.Set("Allow", http.MethodGet)
		return fail(http.StatusMethodNotAllowed, "method_not_allowed", "A WebSocket handshake is a GET request")
	}
	if !r.ProtoAtLeast(1, 1) || !hasToken(r.Header["Connection"], "upgrade") || !hasToken(r.Header["Upgrade"], "websocket") {
		if !body {
			h.Set("Connection", "Upgrade")
		}
		h.Set("Upgrade", "websocket")
		return fail(http.StatusUpgradeRequired, "upgrade_required", "This is a WebSocket: send an upgrade request with HTTP/1.1")
	}
	if v := r.Header["Sec-Websocket-Version"]; len(v) != 1 || strings.TrimSpace(v[0]) != "13" {
		h.Set("Sec-WebSocket-Version", "13")
		return fail(http.StatusBadRequest, "bad_handshake", "Sec-WebSocket-Version must be 13")
	}
	keys := r.Header["Sec-Websocket-Key"]
	if len(keys) != 1 {
		return fail(http.StatusBadRequest, "bad_handshake", "There must be one Sec-WebSocket-Key")
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0])); err != nil || len(key) != 16 {
		return fail(http.StatusBadRequest, "bad_handshake", "Sec-WebSocket-Key must be 16 bytes in base64")
	}
	// What is left of a body would be taken for frames.
	if body {
		return fail(http.StatusBadRequest, "bad_handshake", "A WebSocket handshake has no body")
	}
	return nil
}

// RefuseClosed answers a request to a server that is being closed.
func RefuseClosed(w http.ResponseWriter) {
	websockets.WriteRefusal(w, &websockets.Error{
		Message: "Server is shutting down", Code: websockets.CodeNotAccepting, Status: http.StatusServiceUnavailable,
	})
}

func hasToken(header []string, token string) bool {
	for _, line := range header {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// isToken tells whether s is a token of RFC 9110 §5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c-'0' < 10 || c|0x20-'a' < 26 || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

func canHijack(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// Compression says whether messages are compressed (permessage-deflate, RFC 7692).
type Compression uint8

// The modes of compression. The zero value is "not said".
const (
	CompressionUnset Compression = iota
	CompressionOff
	CompressionEach
	CompressionStream
)

func (c Compression) mode() websocket.CompressionMode {
	switch c {
	case CompressionEach:
		return websocket.CompressionNoContextTakeover
	case CompressionStream:
		return websocket.CompressionContextTakeover
	}
	return websocket.CompressionDisabled
}

// hijacker puts the wire between the network and the library, with small
// buffers in place of net/http's.
type hijacker struct {
	http.ResponseWriter
	cfg  *Config
	wire *wire
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	var ahead []byte
	if n := rw.Reader.Buffered(); n > 0 {
		peeked, _ := rw.Reader.Peek(n)
		ahead = append(ahead, peeked...)
	}
	insp := inspector{maxMessage: h.cfg.Limits.MaxMessage, maxFragments: max(h.cfg.MaxFragments, 0)}
	size := writeBuffer
	if h.Header().Get("Sec-WebSocket-Extensions") != "" {
		insp.deflate = true
		size = deflateBuffer
	}
	h.wire = newWire(nc, &h.cfg.Group.Clock, insp, ahead)
	return h.wire, bufio.NewReadWriter(bufio.NewReaderSize(h.wire, readBuffer), bufio.NewWriterSize(h.wire, size)), nil
}
