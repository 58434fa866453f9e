package wsconn

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/hijack"
	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// HandshakeOf returns a handshake with a copy of the request: its context does not end
// when the HTTP handler returns, and it has no body. How much of it the connection keeps
// is bounded later, by package keep.
func HandshakeOf(r *http.Request) *adapter.Handshake {
	return &adapter.Handshake{Handshake: websockets.Handshake{Request: keep.Detach(r)}}
}

// Accept upgrades a request that has passed [CheckUpgrade], until the deadline. It
// returns nil when that fails: the response was written, or the client has gone. The id
// is for logs. Serve, GiveUp or Refuse must be called on the connection.
func (c *Config) Accept(w http.ResponseWriter, r *http.Request, id string, deadline time.Time) *Conn {
	if !CanHijack(w, r, c.Logger) {
		return nil
	}
	protocols := c.Subprotocols
	if c.AnySubprotocol { // browsers reject a response without one if they offered some
		first, _, _ := strings.Cut(r.Header.Get("Sec-WebSocket-Protocol"), ",")
		if first = strings.TrimSpace(first); rfc6455.IsToken(first) { // otherwise the client could inject bytes into our header
			protocols = []string{first}
		}
	}
	all := &allocation{conn: Conn{cfg: c, id: id, serial: c.Group.nextSerial()}}
	conn := &all.conn
	conn.framed = &all.framed
	var err error
	if c.Compression.mode() != websocket.CompressionDisabled && len(r.Header["Sec-Websocket-Extensions"]) > 0 {
		err = conn.acceptDeflate(w, r, protocols, deadline)
	} else {
		err = conn.accept(w, r, protocols, deadline)
	}
	if err != nil {
		if _, network := errors.AsType[net.Error](err); !network && errors.Is(err, errHijack) && !errors.Is(err, io.EOF) {
			c.Logger.Error(cannotHijack, append(hidden(w, r), "error", err)...)
		} else { // the client has gone
			c.Logger.Debug("handshake failed", "error", err)
		}
		if conn.framed.Conn != nil {
			_ = conn.framed.Close()
		}
		return nil
	}
	return conn
}

// accept answers the handshake, RFC 6455 §4.2.2.
func (c *Conn) accept(w http.ResponseWriter, r *http.Request, protocols []string, deadline time.Time) error {
	c.subprotocol = rfc6455.ChooseSubprotocol(protocols, r.Header["Sec-Websocket-Protocol"])
	key := strings.TrimSpace(r.Header["Sec-Websocket-Key"][0])
	if ofServer(w) {
		return c.acceptDirect(w, key, deadline)
	}
	h := w.Header()
	h["Upgrade"] = []string{"websocket"}
	h["Connection"] = []string{"Upgrade"}
	h["Sec-Websocket-Accept"] = []string{rfc6455.AcceptKey(key)}
	if c.subprotocol != "" {
		h["Sec-Websocket-Protocol"] = []string{c.subprotocol}
	}
	_ = http.NewResponseController(w).SetWriteDeadline(deadline) // hijacking removes it
	w.WriteHeader(http.StatusSwitchingProtocols)
	if g, ok := hijack.Find[interface{ WriteHeaderNow() }](w); ok { // gin delays it, and hijacking would drop it
		g.WriteHeaderNow()
	}
	_, err := c.hijack(w)
	return err
}

// acceptDeflate lets the library answer, because it negotiates compression.
func (c *Conn) acceptDeflate(w http.ResponseWriter, r *http.Request, protocols []string, deadline time.Time) error {
	_ = http.NewResponseController(w).SetWriteDeadline(deadline) // hijacking removes it
	ws, err := websocket.Accept(&hijacker{ResponseWriter: w, conn: c}, r, c.options(protocols, c.cfg.Compression))
	if err != nil {
		return err
	}
	ws.SetReadLimit(-1) // the validator and the reader check the size
	c.subprotocol = ws.Subprotocol()
	c.lib.Store(ws)
	return nil
}

// hijack takes over the connection from the HTTP server.
func (c *Conn) hijack(w http.ResponseWriter) (deflate bool, err error) {
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false, fmt.Errorf("%w: %w", errHijack, err)
	}
	var ahead []byte
	if n := rw.Reader.Buffered(); n > 0 {
		peeked, _ := rw.Reader.Peek(n)
		ahead = append(ahead, peeked...)
	}
	v := c.cfg.validator()
	v.Deflate = w.Header().Get("Sec-WebSocket-Extensions") != ""
	c.framed.open(nc, &c.cfg.Group.Clock, v, ahead)
	return v.Deflate, nil
}

// validator returns the one of a connection without compression.
func (c *Config) validator() rfc6455.Validator {
	return rfc6455.Validator{MaxMessage: c.Limits.MaxMessage, MaxFragments: max(c.MaxFragments, 0)}
}

// hijacker puts the framedConn between the network and the library, with smaller buffers
// than net/http's.
type hijacker struct {
	http.ResponseWriter
	conn *Conn
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	deflate, err := h.conn.hijack(h.ResponseWriter)
	if err != nil {
		return nil, nil, err
	}
	size := writeBuffer
	if deflate {
		size = deflateBuffer
	}
	return h.conn.framed, buffers(h.conn.framed, size), nil
}

// CloseAfter closes the connection after the response. It has no effect on HTTP/2, where an
// unread body holds up no other request.
func CloseAfter(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// maxURL bounds the URL of a handshake, path and query, in bytes.
const maxURL = 16 << 10

// CheckUpgrade returns the error that refuses an invalid handshake, RFC 6455 §4.2.1, and
// sets the headers of the refusal; nil for a valid one.
func CheckUpgrade(w http.ResponseWriter, r *http.Request) error {
	fail := func(status int, code, message string) error {
		return &websockets.Error{Message: message, Code: code, Status: status}
	}
	h := w.Header()
	body := r.ContentLength != 0 || len(r.TransferEncoding) > 0
	if body {
		CloseAfter(w, r) // otherwise net/http would wait for the body
	}
	if r.Method != http.MethodGet {
		h.Set("Allow", http.MethodGet)
		return fail(http.StatusMethodNotAllowed, "method_not_allowed", "A WebSocket handshake is a GET request")
	}
	if !r.ProtoAtLeast(1, 1) || !rfc6455.HasToken(r.Header["Connection"], "upgrade") || !rfc6455.HasToken(r.Header["Upgrade"], "websocket") {
		if r.ProtoMajor == 1 { // HTTP/2 forbids these headers, RFC 9113 §8.2.2
			if !body {
				h.Set("Connection", "Upgrade")
			}
			h.Set("Upgrade", "websocket")
		}
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
	if !rfc6455.ValidKey(strings.TrimSpace(keys[0])) {
		return fail(http.StatusBadRequest, "bad_handshake", "Sec-WebSocket-Key must be 16 bytes in base64")
	}
	if len(r.URL.Path)+len(r.URL.RawPath)+len(r.URL.RawQuery) > maxURL { // the connection keeps it
		return fail(http.StatusRequestURITooLong, "url_too_long", "The URL of a WebSocket handshake has at most "+strconv.Itoa(maxURL)+" bytes")
	}
	// The rest of a body would be read as frames.
	if body {
		return fail(http.StatusBadRequest, "bad_handshake", "A WebSocket handshake has no body")
	}
	return nil
}

// RefuseClosed answers a request to a server that is closing.
func RefuseClosed(w http.ResponseWriter) {
	adapter.WriteRefusal(w, &websockets.Error{
		Message: "Server is shutting down", Code: websockets.CodeNotAccepting, Status: http.StatusServiceUnavailable,
	})
}

const cannotHijack = "a WebSocket cannot be opened: the connection is hidden by a ResponseWriter of middleware: " +
	"add the method Unwrap() http.ResponseWriter to it, or bind the middleware to routes instead of everything"

// CanHijack reports whether the connection of a handshake can be taken over from the HTTP
// server. If not, it answers the request, and logs why.
func CanHijack(w http.ResponseWriter, r *http.Request, log *slog.Logger) bool {
	if hijack.Possible(w) {
		return true
	}
	log.ErrorContext(r.Context(), cannotHijack, hidden(w, r)...)
	adapter.WriteRefusal(w, &websockets.Error{Message: "Internal server error", Status: http.StatusInternalServerError})
	return false
}

// errHijack is in errors of Hijack.
var errHijack = errors.New("take over the connection")

// hidden returns the attributes of a log line about a connection that cannot be hijacked.
func hidden(w http.ResponseWriter, r *http.Request) []any {
	attrs := []any{"writer", fmt.Sprintf("%T", w)}
	if by := hijack.HiddenBy(r); by != "" {
		attrs = append(attrs, "middleware", by)
	}
	return attrs
}

// Compression is how messages are compressed (permessage-deflate, RFC 7692).
type Compression uint8

// The modes of compression. The zero value means that none is set.
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
