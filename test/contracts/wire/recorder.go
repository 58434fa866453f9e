// Package wire records the messages between clients and an application, and validates them by its AsyncAPI document.
package wire

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
)

// Recorder is a proxy in front of an application. It is safe for concurrent use.
type Recorder struct {
	// URL is where clients connect instead.
	URL string

	target *url.URL
	mu     sync.Mutex
	last   int // number of a connection
	all    []Message
}

// Message is one message as it was sent: a frame of plain WebSocket, or a packet of Engine.IO with its type.
type Message struct {
	// Conn names the connection, or the session of Engine.IO, which may have several. Path is that of its URL.
	Conn, Path string
	FromClient bool
	Binary     bool
	Data       []byte
}

// Record starts a proxy, until the test ends.
func Record(t testing.TB, target string) *Recorder {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r := &Recorder{target: u}
	polls := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(u)
		p.Out.Host = p.In.Host // the origin of pages is that of the proxy
		p.Out.Header.Del("Accept-Encoding")
	}, ModifyResponse: r.polled}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.EqualFold(q.Header.Get("Upgrade"), "websocket") {
			r.bridge(w, q)
			return
		}
		if sid := q.URL.Query().Get("sid"); sid != "" && q.Method == http.MethodPost {
			body, err := io.ReadAll(q.Body)
			if err != nil {
				return
			}
			q.Body = io.NopCloser(bytes.NewReader(body))
			r.packets(sid, q.URL.Path, true, body)
		}
		polls.ServeHTTP(w, q)
	}))
	r.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return r
}

// Messages returns what was recorded, in order for each connection and direction.
func (r *Recorder) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *Recorder) add(m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, m)
}

// polled records the answer to a poll.
func (r *Recorder) polled(res *http.Response) error {
	sid := res.Request.URL.Query().Get("sid")
	if sid == "" || res.Request.Method != http.MethodGet || res.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	r.packets(sid, res.Request.URL.Path, false, body)
	return nil
}

// packets records the packets of a poll.
func (r *Recorder) packets(sid, path string, fromClient bool, body []byte) {
	for p := range bytes.SplitSeq(body, []byte{0x1e}) {
		m := Message{Conn: sid, Path: path, FromClient: fromClient, Data: p}
		if encoded, ok := bytes.CutPrefix(p, []byte("b")); ok {
			if b, err := base64.StdEncoding.DecodeString(string(encoded)); err == nil {
				m.Binary, m.Data = true, b
			}
		}
		r.add(m)
	}
}

// bridge connects a WebSocket of a client with one of the application.
func (r *Recorder) bridge(w http.ResponseWriter, q *http.Request) {
	header := q.Header.Clone()
	var protocols []string
	for _, value := range header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(value, ",") {
			protocols = append(protocols, strings.TrimSpace(p))
		}
	}
	for name := range header {
		if strings.HasPrefix(name, "Sec-Websocket-") || name == "Connection" || name == "Upgrade" {
			delete(header, name)
		}
	}
	target := *r.target
	target.Path, target.RawPath, target.RawQuery = q.URL.Path, q.URL.RawPath, q.URL.RawQuery
	ctx := q.Context()
	back, res, err := websocket.Dial(ctx, target.String(), &websocket.DialOptions{HTTPHeader: header, Host: q.Host, Subprotocols: protocols}) //nolint:bodyclose // the library's
	if err != nil {
		status, body := http.StatusBadGateway, []byte(err.Error())
		if res != nil {
			status = res.StatusCode
			body, _ = io.ReadAll(res.Body)
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	defer func() { _ = back.CloseNow() }()
	var chosen []string
	if p := back.Subprotocol(); p != "" {
		chosen = []string{p}
	}
	front, err := websocket.Accept(w, q, &websocket.AcceptOptions{Subprotocols: chosen, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = front.CloseNow() }()
	r.mu.Lock()
	r.last++
	name := strconv.Itoa(r.last)
	r.mu.Unlock()
	if sid := q.URL.Query().Get("sid"); sid != "" {
		name = sid
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.pipe(ctx, back, front, Message{Conn: name, Path: q.URL.Path})
		stop()
	}()
	r.pipe(ctx, front, back, Message{Conn: name, Path: q.URL.Path, FromClient: true})
	stop()
	<-done
}

// pipe records and forwards messages of one direction until it ends, and closes the other side alike.
func (r *Recorder) pipe(ctx context.Context, from, to *websocket.Conn, m Message) {
	from.SetReadLimit(-1)
	for {
		kind, data, err := from.Read(ctx)
		if err != nil {
			if closed, ok := errors.AsType[websocket.CloseError](err); ok {
				_ = to.Close(closed.Code, closed.Reason)
			}
			return
		}
		m.Binary, m.Data = kind == websocket.MessageBinary, data
		r.add(m)
		if to.Write(ctx, kind, data) != nil {
			return
		}
	}
}
