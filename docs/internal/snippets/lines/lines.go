// Package lines is the platform of docs/adapters.md: JSON texts, one a line, after an
// upgrade of HTTP. It shows what an adapter owes the framework, not how to be fast.
package lines

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// snippet:adapter
type Adapter struct{}

func New() Adapter { return Adapter{} }

func (Adapter) Name() string { return "lines" }

func (Adapter) Traits() adapter.Traits {
	return adapter.Traits{DefaultPath: "/", PathPatterns: true, UpgradeOnly: true, ReplyAsEvent: true}
}

func (Adapter) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	if len(cfg.Options) > 0 {
		return nil, fmt.Errorf("lines: path %s: %T is not an option of this platform", cfg.Path, cfg.Options[0])
	}
	return &server{cfg: cfg, conns: map[*conn]bool{}}, nil
}

// end

type server struct {
	cfg adapter.ServerConfig

	mu     sync.Mutex
	closed bool
	conns  map[*conn]bool
	wg     sync.WaitGroup // the requests, which last as long as their connections
}

func (*server) Native(string) any { return nil }

// snippet:handshake
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		adapter.WriteRefusal(w, refusal(http.StatusServiceUnavailable, "The server is closing", websockets.CodeNotAccepting))
		return
	}
	defer s.wg.Done()
	release, h, err := s.admit(r)
	defer release()
	if err != nil {
		adapter.WriteRefusal(w, err)
		return
	}
	nc, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		adapter.WriteRefusal(w, err)
		return
	}
	_ = nc.SetDeadline(time.Time{}) // the HTTP server has set one
	c := &conn{srv: s, nc: nc, id: rand.Text(), changed: make(chan struct{}), ended: make(chan struct{})}
	_, err = nc.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\n"))
	if err != nil || !s.add(c) {
		_ = nc.Close()
		return
	}
	defer s.remove(c)
	c.serve(buffered.Reader, s.cfg.Endpoints[0], h)
}

// admit asks the framework in this order. The request must keep its context, in which
// AdmitRequest stores.
func (s *server) admit(r *http.Request) (release func(), h *adapter.Handshake, err error) {
	release = func() {}
	switch {
	case r.Method != http.MethodGet || r.Header.Get("Upgrade") != "lines":
		return release, nil, refusal(http.StatusUpgradeRequired, "Upgrade to lines", "upgrade_required")
	case !s.cfg.CheckOrigin(r):
		return release, nil, refusal(http.StatusForbidden, "Origin is not allowed", websockets.CodeForeignOrigin)
	}
	if s.cfg.Reserve != nil {
		if release, err = s.cfg.Reserve(r); err != nil {
			return func() {}, nil, err
		}
	}
	if s.cfg.AdmitRequest != nil {
		if err := s.cfg.AdmitRequest(r); err != nil {
			return release, nil, err
		}
	}
	h = &adapter.Handshake{Handshake: websockets.Handshake{Request: r}, Connection: new(adapter.Connection)}
	return release, h, s.cfg.Endpoints[0].Admit(r.Context(), h)
}

// end

func refusal(status int, text, code string) error {
	return &websockets.Error{Status: status, Message: text, Code: code}
}

// snippet:close
func (s *server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.cut(websockets.Reason{Cause: websockets.CauseShutdown})
	}
	return fmt.Errorf("lines: %d connections were cut: %w", len(s.conns), ctx.Err())
}

// end

func (s *server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Add(1)
	}
	return !s.closed
}

func (s *server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
	return !s.closed
}

func (s *server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// serve runs a connection: this goroutine reads, another one writes, a third one watches.
func (c *conn) serve(r *bufio.Reader, e adapter.Endpoint, h *adapter.Handshake) {
	c.heard.Store(time.Now().UnixNano())
	sess := e.Connect(c, h)
	var wg sync.WaitGroup
	wg.Go(c.write)
	wg.Go(func() { c.watch(sess) })
	c.read(r, sess)
	wg.Wait()
}
