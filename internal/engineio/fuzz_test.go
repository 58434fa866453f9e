package engineio

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// fuzzServer is a server for all runs of a fuzz target.
func fuzzServer(f *testing.F, log *testkit.Log, open func(*Session, *http.Request) Handler) *Server {
	cfg := config()
	cfg.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError}))
	cfg.Open = open
	srv := New(cfg)
	f.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Close(ctx)
	})
	return srv
}

// sink is a Handler that keeps messages; binary ones start with "b:".
type sink struct{ got []string }

func (*sink) Upgraded()                  {}
func (*sink) Closed(_ websockets.Reason) {}
func (*sink) CheckTimeouts(int64)        {}

func (s *sink) Message(text bool, msg []byte) (adapter.Work, error) {
	kind := "b:"
	if text {
		kind = ""
	}
	s.got = append(s.got, kind+string(msg))
	return nil, nil
}

// payload reads a body as the protocol's text has it.
func payload(body string) (messages []string, bad bool) {
	if !utf8.ValidString(body) {
		return nil, true
	}
	for p := range strings.SplitSeq(body, "\x1e") {
		if p == "" {
			return messages, true
		}
		switch p[0] {
		case '4':
			messages = append(messages, p[1:])
		case 'b':
			b, err := base64.StdEncoding.DecodeString(p[1:])
			if err != nil {
				return messages, true
			}
			messages = append(messages, "b:"+string(b))
		case '0', '3', '5', '6':
		default: // 1 too: the session ends with it
			return messages, true
		}
	}
	return messages, false
}

// FuzzPayload: the body of a POST is split into its messages up to the first error, and the
// answer to a poll is split into the same messages.
func FuzzPayload(f *testing.F) {
	for _, s := range []string{
		"", "4", "4a\x1e4b", "bAAEC\x1e4é", "b!!!", "\x1e", "4a\x1e", "\x1e4a", "3", "2", "1\x1e4late", "5\x1e6\x1e0", "9", "4\xff",
		strings.Repeat("\x1e", 100), "bAA==\x1ebAA=\x1ebA\nA==", "4" + strings.Repeat("x", 300),
	} {
		f.Add(s)
	}
	srv := fuzzServer(f, &testkit.Log{}, func(*Session, *http.Request) Handler { return &sink{} })
	deliver := func(t *testing.T, body []byte) ([]string, error) {
		s := srv.newSession(func() {})
		if !s.register(httptest.NewRequest(http.MethodGet, "/", nil)) {
			t.Fatal("the server is closed")
		}
		err := s.deliver(body)
		s.closeNow(websockets.Reason{})
		return s.handler.(*sink).got, err
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := deliver(t, []byte(body))
		want, bad := payload(body)
		if !slices.Equal(got, want) || bad != (err != nil) || errors.Is(err, errInternal) {
			t.Fatalf("%q became %q and %v, want %q and an error: %t", body, got, err, want, bad)
		}
		if len(got) == 0 {
			return
		}
		var items []wsconn.Item
		for _, m := range got {
			b, binary := strings.CutPrefix(m, "b:")
			if !binary {
				b = "4" + m
			}
			items = append(items, wsconn.Item{Frame: wsconn.SealCopy(!binary, []byte(b))})
		}
		answer, _ := encodePayload(items)
		if again, err := deliver(t, answer); err != nil || !slices.Equal(again, got) {
			t.Fatalf("%q became %q, and that %q, %v", got, answer, again, err)
		}
	})
}

// FuzzRequest: whatever the first request of a connection is, it gets an answer
// that fits, nothing panics, and only a proper handshake opens a session.
func FuzzRequest(f *testing.F) {
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, s := range [][3]string{
		{"GET", "/?EIO=4&transport=polling", ""},
		{"GET", "/?EIO=4&transport=websocket", upgrade},
		{"GET", "/?EIO=3&transport=polling&b64=1", "Cookie: io=x\r\n"},
		{"POST", "/?EIO=4&transport=polling&sid=__proto__", "Content-Length: 0\r\n"},
		{"GET", "/?EIO=4&transport=toString&transport=", upgrade},
		{"GET", "/?EIO=4&transport=websocket&sid=%00%ff", upgrade + "Sec-WebSocket-Protocol: a, \xff, ,,\r\n"},
		{"OPTIONS", "/?%zz;&EIO=4", "Origin: null\r\nAccess-Control-Request-Headers: x\r\n"},
		{"GET", "/?EIO=4&transport=polling&j=1", "Origin: https://evil.example\r\n"},
		{"GET", "/?EIO=4&transport=websocket", upgrade + "Sec-WebSocket-Extensions: permessage-deflate; x=\"\\\", constructor, __proto__\r\n"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	log := &testkit.Log{}
	opened := make(chan struct{}, 100)
	srv := fuzzServer(f, log, func(*Session, *http.Request) Handler { opened <- struct{}{}; return &sink{} })
	m := testkit.NewListener()
	hs := &http.Server{Handler: srv, ErrorLog: slog.NewLogLogger(slog.NewTextHandler(log, nil), slog.LevelError), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() { defer close(served); _ = hs.Serve(m) }()
	f.Cleanup(func() { _ = hs.Close(); <-served })
	f.Fuzz(func(t *testing.T, method, target, headers string) {
		raw := method + " " + target + " HTTP/1.1\r\nHost: example.com\r\n" + headers + "\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil || r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			return // net/http's to answer; or waiting for its body
		}
		nc, err := m.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(testkit.Patience))
		go func() { _, _ = io.WriteString(nc, raw) }()
		resp, err := http.ReadResponse(bufio.NewReader(nc), r)
		if err != nil {
			t.Fatalf("%q: no answer: %v", raw, err)
		}
		switch q := r.URL.Query(); {
		case resp.StatusCode >= 500:
			t.Fatalf("%q: %s", raw, resp.Status)
		case resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols:
			<-opened
			transport := map[int]string{http.StatusOK: "polling", http.StatusSwitchingProtocols: "websocket"}[resp.StatusCode]
			if r.Method != http.MethodGet || q.Get("EIO") != "4" || q.Get("transport") != transport || q.Get("sid") != "" {
				t.Fatalf("%q opened a session: %s", raw, resp.Status)
			}
		}
		if text := log.String(); text != "" {
			t.Fatalf("%q: %s", raw, text)
		}
	})
}

// Stalled implements the contract: nothing is ever blocked here.
func (*sink) Stalled() time.Duration { return 0 }
