package wsconn

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // the protocol's
	"encoding/base64"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// HandshakeOf makes the handshake's own copy of the request: its context does
// not end when the HTTP handler returns, and it holds no body. What the connection
// keeps of it is bounded later, by package keep.
func HandshakeOf(r *http.Request) *adapter.Handshake {
	return &adapter.Handshake{Handshake: websockets.Handshake{Request: keep.Detach(r)}}
}

// Accept upgrades a request that [CheckUpgrade] found in order, by the deadline.
// It gives nil when that failed: the response is then on its way or the client
// gone. The id is for logs. A connection is followed by Serve or GiveUp.
func (c *Config) Accept(w http.ResponseWriter, r *http.Request, id string, deadline time.Time) *Conn {
	if !canHijack(w) {
		c.Logger.Error("the HTTP server's ResponseWriter cannot be hijacked: a middleware hides it; give it an Unwrap method")
		adapter.WriteRefusal(w, &websockets.Error{Message: "Internal server error", Status: http.StatusInternalServerError})
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
	var err error
	if c.Compression.mode() != websocket.CompressionDisabled && len(r.Header["Sec-Websocket-Extensions"]) > 0 {
		err = conn.acceptDeflate(w, r, protocols)
	} else {
		err = conn.accept(w, r, protocols)
	}
	if err != nil {
		c.Logger.Debug("handshake failed", "error", err)
		if conn.wire != nil {
			_ = conn.wire.Close()
		}
		return nil
	}
	return conn
}

// accept answers the handshake, RFC 6455 §4.2.2.
func (c *Conn) accept(w http.ResponseWriter, r *http.Request, protocols []string) error {
	h := w.Header()
	h["Upgrade"] = []string{"websocket"}
	h["Connection"] = []string{"Upgrade"}
	h["Sec-Websocket-Accept"] = []string{acceptKey(strings.TrimSpace(r.Header["Sec-Websocket-Key"][0]))}
	if c.subprotocol = choose(protocols, r.Header["Sec-Websocket-Protocol"]); c.subprotocol != "" {
		h["Sec-Websocket-Protocol"] = []string{c.subprotocol}
	}
	w.WriteHeader(http.StatusSwitchingProtocols)
	if g, ok := w.(interface{ WriteHeaderNow() }); ok { // gin's puts it off, and hijacking would lose it
		g.WriteHeaderNow()
	}
	_, err := c.hijack(w)
	return err
}

// acceptDeflate has the library answer, who knows compression.
func (c *Conn) acceptDeflate(w http.ResponseWriter, r *http.Request, protocols []string) error {
	ws, err := websocket.Accept(&hijacker{ResponseWriter: w, conn: c}, r, c.options(protocols, c.cfg.Compression))
	if err != nil {
		return err
	}
	ws.SetReadLimit(-1) // the inspector and the reader measure
	c.subprotocol = ws.Subprotocol()
	c.lib.Store(ws)
	return nil
}

// hijack takes the connection from the HTTP server.
func (c *Conn) hijack(w http.ResponseWriter) (deflate bool, err error) {
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false, err
	}
	var ahead []byte
	if n := rw.Reader.Buffered(); n > 0 {
		peeked, _ := rw.Reader.Peek(n)
		ahead = append(ahead, peeked...)
	}
	insp := inspector{
		maxMessage: c.cfg.Limits.MaxMessage, maxFragments: max(c.cfg.MaxFragments, 0),
		deflate: w.Header().Get("Sec-WebSocket-Extensions") != "",
	}
	setUserTimeout(nc, c.cfg.Limits.PingInterval+c.cfg.Limits.PingTimeout)
	c.wire = newWire(nc, &c.cfg.Group.Clock, insp, ahead)
	return insp.deflate, nil
}

// hijacker puts the wire between the network and the library, with small
// buffers in place of net/http's.
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
	return h.conn.wire, buffers(h.conn.wire, size), nil
}

// acceptKey is the answer to a Sec-WebSocket-Key, RFC 6455 §4.2.2.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // the protocol's
	return base64.StdEncoding.EncodeToString(sum[:])
}

// choose gives the first of ours that the client offers, as it writes it.
func choose(ours, header []string) string {
	for _, our := range ours {
		for _, line := range header {
			for theirs := range strings.SplitSeq(line, ",") {
				if theirs = strings.TrimSpace(theirs); strings.EqualFold(our, theirs) {
					return theirs
				}
			}
		}
	}
	return ""
}

// maxURL bounds the URL of a handshake, path and query, in bytes.
const maxURL = 16 << 10

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
	if len(r.URL.Path)+len(r.URL.RawPath)+len(r.URL.RawQuery) > maxURL { // the connection keeps it
		return fail(http.StatusRequestURITooLong, "url_too_long", "The URL of a WebSocket handshake has at most "+strconv.Itoa(maxURL)+" bytes")
	}
	// What is left of a body would be taken for frames.
	if body {
		return fail(http.StatusBadRequest, "bad_handshake", "A WebSocket handshake has no body")
	}
	return nil
}

// RefuseClosed answers a request to a server that is being closed.
func RefuseClosed(w http.ResponseWriter) {
	adapter.WriteRefusal(w, &websockets.Error{
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
