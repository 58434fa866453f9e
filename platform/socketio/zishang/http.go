package zishang

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// maxQuery bounds the query string, which may carry a token.
const maxQuery = 16 << 10

// engineError is a refusal in the words of Engine.IO.
// https://socket.io/docs/v4/server-api/#event-connection_error
type engineError struct {
	status  int
	Code    int    `json:"code"`
	Message string `json:"message"`
	Details string `json:"details,omitempty"`
}

func errTransport(details string) *engineError {
	return &engineError{400, 0, "Transport unknown", details}
}
func errSession() *engineError { return &engineError{400, 1, "Session ID unknown", ""} }
func errMethod() *engineError  { return &engineError{400, 2, "Bad handshake method", ""} }
func errRequest(details string) *engineError {
	return &engineError{400, 3, "Bad request", details}
}
func errVersion(eio string) *engineError {
	return &engineError{400, 5, "Unsupported protocol version",
		"this server speaks Engine.IO 4 (Socket.IO clients 3 and 4), the request says EIO=" + strconv.Quote(eio)}
}

func (e *engineError) write(w http.ResponseWriter) {
	b, err := json.Marshal(e)
	if err != nil { // a number and two strings
		b = []byte(`{"code":3,"message":"Bad request"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(e.status)
	_, _ = w.Write(b)
}

// ServeHTTP checks a request and passes it to the library.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.tasks.add()
	defer s.tasks.done()
	if trimSlash(r.URL.Path) != s.path {
		adapter.WriteRefusal(w, &websockets.Error{Status: http.StatusNotFound, Message: "Not found", Code: websockets.CodeNotFound})
		return
	}
	if !s.cfg.CheckOrigin(r) {
		adapter.WriteRefusal(w, &websockets.Error{Status: http.StatusForbidden, Message: "Origin not allowed", Code: websockets.CodeForeignOrigin})
		return
	}
	s.opts.headers().Set(w.Header(), r)
	switch r.Method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodGet, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		adapter.WriteRefusal(w, &websockets.Error{Status: http.StatusMethodNotAllowed, Message: "Use GET or POST"})
		return
	}
	q, problem := s.checkQuery(r)
	if problem != nil {
		problem.write(w)
		return
	}
	l := s.linkOf(q.sid)
	if l == nil && r.Method == http.MethodGet && q.transport == Polling && s.takeEnded(q.sid) {
		_ = s.write(w, http.StatusOK, plainText(), []byte(closePacket))
		return
	}
	if l == nil && s.stopping() {
		adapter.WriteRefusal(w, &websockets.Error{Status: http.StatusServiceUnavailable, Message: "Server is shutting down", Code: websockets.CodeNotAccepting})
		return
	}
	if problem := s.checkSession(r, q, l); problem != nil {
		problem.write(w)
		return
	}
	if q.sid == "" {
		p := &place{request: keep.Detach(r)}
		if s.cfg.Reserve != nil {
			release, err := s.cfg.Reserve(r)
			if err != nil {
				adapter.WriteRefusal(w, err)
				return
			}
			p.release = release
		}
		defer p.settle()
		if s.cfg.AdmitRequest != nil {
			if err := s.cfg.AdmitRequest(r); err != nil {
				adapter.WriteRefusal(w, err)
				return
			}
		}
		r = r.WithContext(context.WithValue(r.Context(), placeKey{}, p))
	}
	switch {
	case q.transport == WebSocket:
		s.upgrade(w, r)
	case r.Method == http.MethodPost:
		s.post(w, r, l)
	default:
		s.poll(w, r, l)
	}
}

type query struct{ transport, sid string }

func (s *server) checkQuery(r *http.Request) (query, *engineError) {
	var q query
	if len(r.URL.RawQuery) > maxQuery {
		e := errRequest("the query string is longer than " + strconv.Itoa(maxQuery) + " bytes")
		e.status = http.StatusRequestURITooLong
		return q, e
	}
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, errRequest("the query string does not parse")
	}
	for _, name := range []string{"EIO", "transport", "sid"} {
		if len(v[name]) > 1 {
			return q, errRequest(name + " is there more than once")
		}
	}
	q = query{v.Get("transport"), v.Get("sid")}
	if !s.opts.offers(q.transport) {
		return q, errTransport("transport must be " + strings.Join(s.opts.Transports, " or "))
	}
	if v.Get("EIO") != "4" {
		return q, errVersion(v.Get("EIO"))
	}
	if v.Has("j") {
		return q, errRequest("JSONP polling belongs to Engine.IO 3")
	}
	if v.Has("sid") && q.sid == "" {
		return q, errSession()
	}
	return q, nil
}

func (s *server) checkSession(r *http.Request, q query, l *link) *engineError {
	upgrade := websocket.IsWebSocketUpgrade(r)
	switch {
	case q.sid != "" && l == nil:
		return errSession()
	case q.sid == "" && r.Method != http.MethodGet:
		return errMethod()
	case upgrade != (q.transport == WebSocket):
		return errRequest("transport " + q.transport + " does not fit the request")
	case upgrade && r.Method != http.MethodGet:
		return errRequest("a WebSocket upgrade must be a GET")
	case upgrade && l != nil && s.opts.Upgrades == Off:
		return errRequest("this server does not upgrade transports")
	case !upgrade && l != nil && l.Transport().Name() != Polling:
		return errRequest("the session has changed to " + l.Transport().Name())
	}
	return nil
}

func (s *server) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// upgrade hands the connection to the library's WebSocket transport.
func (s *server) upgrade(w http.ResponseWriter, r *http.Request) {
	if !wsconn.CanHijack(w, r, s.cfg.Logger) {
		return
	}
	uw := &upgradeWriter{ResponseWriter: w, open: make(chan struct{})}
	hctx := types.NewHttpContext(uw, lasting(r, s.cfg.Limits.KeptHeaders))
	defer close(uw.open)
	s.eng.HandleUpgrade(hctx)
	hctx.Flush()            // ends the library's goroutine that watches the request
	uw.ResponseWriter = nil // the library keeps the request for as long as the connection
}

// poll answers a handshake, or waits with the client for something to send.
func (s *server) poll(w http.ResponseWriter, r *http.Request, l *link) {
	x := newExchange(r, s.cfg.Limits.KeptHeaders)
	if l != nil && !l.start(&l.poll, x) {
		x.hctx.Flush()
		l.overlap(w, "overlap from client")
		return
	}
	if l != nil {
		l.watchPolls()
		defer l.watchPolls()
	}
	// a ReadTimeout of the http.Server would end the wait as if the client had gone
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	stop := context.AfterFunc(r.Context(), func() {
		x.flush()
		if l := x.owner(l); l != nil {
			l.failTransport("poll connection closed prematurely", context.Canceled)
		}
	})
	defer stop()
	s.exchange(x)
	status, header, body := x.answer()
	if l != nil {
		if status != http.StatusOK {
			l.awaitEnd(r.Context())
		}
		l.notified.CompareAndSwap(false, endsWithClose(body))
		l.finish(&l.poll)
	} else if h := x.owner(nil); h != nil {
		s.setCookie(w, h)
	}
	if l != nil {
		gone := r.Context().Err() != nil
		switch {
		case l.over() && l.unaware() && (gone || status == http.StatusOK): // the answer was ready before the end
			s.forget(l, true)
		case l.over() && status != http.StatusOK && !gone && l.notified.CompareAndSwap(false, true): // the library does not know the session any more
			s.takeEnded(l.Id()) // forget has added it, or does not: notified is true
			status, header, body = http.StatusOK, plainText(), []byte(closePacket)
		case l.over() && status == 0 && !gone:
			stop()
			errSession().write(w)
			return
		case status == 0 && !gone: // nothing to say: the session has changed to WebSocket
			status, header, body = http.StatusOK, plainText(), []byte("6")
		}
	}
	stop() // a client that closes its connection as soon as it has the answer has lost nothing
	if err := s.write(w, status, header, body); err != nil && l != nil {
		l.failTransport("poll response was not written", err)
	}
}

const closePacket = "1"

// endsWithClose reports whether the answer to a poll has the close packet, which is its last one.
func endsWithClose(body []byte) bool {
	return string(body) == closePacket || bytes.HasSuffix(body, []byte{recordSeparator, closePacket[0]})
}

func plainText() http.Header { return http.Header{"Content-Type": {"text/plain; charset=UTF-8"}} }

// post takes what a client sends.
func (s *server) post(w http.ResponseWriter, r *http.Request, l *link) {
	if l.out.isClosed() { // the connection is being cut on another goroutine
		errSession().write(w)
		return
	}
	x := newExchange(r, s.cfg.Limits.KeptHeaders)
	if !l.start(&l.post, x) {
		x.hctx.Flush()
		l.overlap(w, "data request overlap from client")
		return
	}
	body, problem := s.readBody(w, r, l)
	if problem != nil {
		x.hctx.Flush()
		l.finish(&l.post)
		problem.write(w)
		return
	}
	if hasClose(body) {
		l.leftByClient.Store(true)
	}
	x.setBody(body)
	x.arm()
	stop := context.AfterFunc(r.Context(), x.flush)
	defer stop()
	s.exchange(x)
	l.finish(&l.post)
	if status, header, answer := x.answer(); status != 0 {
		_ = s.write(w, status, header, answer)
		return
	}
	errSession().write(w)
}

// exchange lets the library handle a request. When it returns, the library is
// done with it: without the Flush it would still be forgetting this poll when
// the client's next one arrives, and forget that one.
func (s *server) exchange(x *exchange) {
	s.eng.HandleRequest(x.hctx)
	x.hctx.Flush()
}

func (s *server) write(w http.ResponseWriter, status int, header http.Header, body []byte) error {
	if status == 0 {
		return nil // the client has gone
	}
	limits := s.cfg.Limits
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limits.PingInterval + limits.PingTimeout))
	h := w.Header()
	for k, v := range header {
		if k != "Vary" && !strings.HasPrefix(k, "Access-Control-") { // ours are set already
			h[k] = v
		}
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	n, err := w.Write(body) //nolint:gosec // text/plain with nosniff; the only HTML is the protocol's own "ok"
	if err == nil && n < len(body) {
		err = errors.New("short write")
	}
	return err
}

func (s *server) setCookie(w http.ResponseWriter, l *link) {
	if s.opts.Cookie == nil {
		return
	}
	c := *s.opts.Cookie //nolint:gosec // its attributes are the application's to choose
	c.Value, c.HttpOnly = l.Id(), true
	http.SetCookie(w, &c)
}

func trimSlash(path string) string {
	if path = strings.TrimRight(path, "/"); path == "" {
		return "/"
	}
	return path
}

// start makes x the request of its kind that is under way. There is at most one.
func (l *link) start(slot **exchange, x *exchange) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *slot != nil {
		return false
	}
	*slot = x
	return true
}

func (l *link) finish(slot **exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*slot = nil
}

func (l *link) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.phase == linkClosed
}

// awaitEnd waits for the end of a connection that the library has closed already: it forgets the
// session before it calls onClose, and meanwhile answers a poll that the session is unknown.
func (l *link) awaitEnd(ctx context.Context) {
	if l.ReadyState() != "closed" {
		return
	}
	late := time.NewTimer(linger)
	defer late.Stop()
	select {
	case <-l.closedCh:
	case <-ctx.Done():
	case <-late.C:
	}
}

// overlap refuses a second poll or post at a time, and ends the session as the
// protocol wants it.
func (l *link) overlap(w http.ResponseWriter, text string) {
	l.failTransport(text, errors.New("a request of the same kind is under way"))
	errRequest(text).write(w)
}

// failTransport ends the connection the way the library does.
func (l *link) failTransport(text string, err error) {
	if t := l.Transport(); t.Name() == Polling {
		t.OnError(text, err)
	}
}
