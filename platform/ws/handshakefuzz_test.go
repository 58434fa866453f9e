package ws

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455 §1.3

// FuzzHandshake: every request header gets a correct response, nothing panics, and accepted
// requests have everything that a handshake needs.
func FuzzHandshake(f *testing.F) {
	const plain = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, s := range [][3]string{
		{"GET", "/", plain},
		{"GET", "/?token=%ff&x=1;y", plain + "Sec-WebSocket-Protocol: v9, v2,v1\r\nCookie: a=\"b; c\xff\r\n"},
		{"GET", "/", plain + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99999999999; server_no_context_takeover\r\n"},
		{"GET", "/", plain + "Sec-WebSocket-Extensions: constructor; __proto__=\"\\\"\", ,;;=\r\n"},
		{"GET", "/", plain + "Sec-WebSocket-Protocol: \xff\xfe, ,,\t\r\nSec-WebSocket-Protocol:\r\n"},
		{"GET", "/", plain + "Origin: null\r\n"}, {"GET", "/", plain + "Origin: http://example.com.evil.io\r\n"},
		{"GET", "/", plain + "Origin: HTTP://EXAMPLE.COM\r\nOrigin: http://evil.io\r\n"}, {"GET", "/", plain + "Origin: http://[::1%25]\r\n"},
		{"GET", "/", plain + "Host: evil.io\r\n"}, {"GET", "http://evil.io/", plain}, {"POST", "/", plain},
		{"GET", "/", strings.Replace(plain, "13", "8", 1)}, {"GET", "/", strings.Replace(plain, "13", "13, 8", 1)},
		{"GET", "/", plain + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"}, {"GET", "/", strings.Replace(plain, "dGhl", "dGh", 1)},
		{"GET", "/", "Connection: keep-alive\r\n" + strings.Replace(plain, ": Up", ": close, Up", 1)}, {"GET", "/", ""},
	} {
		f.Add(s[0], s[1], s[2])
	}
	protocols := []string{"v2", "v1"}
	log := &testkit.Log{}
	left := make(chan struct{}, 100)
	ep := &fuzzEndpoint{left: left}
	as, err := New(Options{Subprotocols: protocols, Compression: CompressionEach}).NewServer(adapter.ServerConfig{
		Path: "/", Limits: limits(), Endpoints: []adapter.Endpoint{ep},
		CheckOrigin: sameHost,
		Logger:      slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		f.Fatal(err)
	}
	l := testkit.NewListener()
	hs := &http.Server{Handler: as, ErrorLog: slog.NewLogLogger(slog.NewTextHandler(log, nil), slog.LevelError), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() { defer close(served); _ = hs.Serve(l) }()
	f.Cleanup(func() {
		_ = as.Close(context.Background())
		_ = hs.Close()
		<-served
	})
	f.Fuzz(func(t *testing.T, method, target, headers string) {
		raw := method + " " + target + " HTTP/1.1\r\nHost: example.com\r\n" + headers + "\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil || r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			return // net/http's to answer; or waiting for its body
		}
		client, server := net.Pipe()
		defer client.Close()
		if err := l.Serve(server); err != nil {
			t.Fatal(err)
		}
		_ = client.SetDeadline(time.Now().Add(testkit.Patience))
		go func() { _, _ = io.WriteString(client, raw) }()
		resp, err := http.ReadResponse(bufio.NewReader(client), r)
		switch {
		case err != nil:
			t.Fatalf("%q: no answer: %v", raw, err)
		case resp.StatusCode >= 500:
			t.Fatalf("%q: %s", raw, resp.Status)
		case resp.StatusCode == http.StatusSwitchingProtocols:
			if wrong := admitted(r, resp, protocols); wrong != "" {
				t.Fatalf("%q was accepted: %s", raw, wrong)
			}
			_ = client.Close()
			<-left
		case headers == plain && method == http.MethodGet && r.URL.Path == "/" && r.Host == "example.com":
			t.Fatalf("%q was refused: %s", raw, resp.Status)
		}
		if text := log.String(); text != "" {
			t.Fatalf("%q: %s", raw, text)
		}
	})
}

// admitted returns what an accepted handshake lacks, RFC 6455 §4.2.
func admitted(r *http.Request, resp *http.Response, protocols []string) string {
	one := func(name string) string {
		if v := r.Header.Values(name); len(v) == 1 {
			return strings.TrimSpace(v[0])
		}
		return ""
	}
	key, err := base64.StdEncoding.DecodeString(one("Sec-WebSocket-Key"))
	sum := sha1.Sum([]byte(one("Sec-WebSocket-Key") + acceptGUID))
	asked := strings.ToLower(strings.Join(r.Header.Values("Sec-WebSocket-Extensions"), ","))
	chosen := resp.Header.Get("Sec-WebSocket-Protocol")
	offered := strings.FieldsFunc(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
	switch {
	case r.Method != http.MethodGet:
		return "the method"
	case !strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Upgrade"), ",")), "websocket"),
		!strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Connection"), ",")), "upgrade"):
		return "the upgrade"
	case one("Sec-WebSocket-Version") != "13":
		return "the version"
	case err != nil || len(key) != 16:
		return "the key"
	case resp.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return "the accept value"
	case !sameHost(r):
		return "the origin"
	case chosen != "" && (!slices.Contains(protocols, chosen) || !slices.Contains(offered, chosen)):
		return "the subprotocol " + chosen
	case resp.Header.Get("Sec-WebSocket-Extensions") != "" && !strings.Contains(asked, "permessage-deflate"):
		return "an extension that was not offered"
	}
	return ""
}

func sameHost(r *http.Request) bool {
	o := r.Header.Values("Origin")
	return len(o) == 0 || len(o) == 1 && strings.EqualFold(o[0], "http://"+r.Host)
}

// fuzzEndpoint accepts every client.
type fuzzEndpoint struct {
	endpoint
	left chan struct{}
}

func (e *fuzzEndpoint) Connect(adapter.Conn, *adapter.Handshake) adapter.Session {
	return &fuzzSession{left: e.left}
}

type fuzzSession struct {
	session
	left chan struct{}
}

func (*fuzzSession) Receive(*adapter.Message) adapter.Work { return nil }
func (s *fuzzSession) Closed(_ websockets.Reason)          { s.left <- struct{}{} }

// Stalled implements the contract: nothing is ever blocked here.
func (*fuzzSession) Stalled() time.Duration { return 0 }

func (*fuzzSession) Cancel(func(*adapter.Message) bool) {}
