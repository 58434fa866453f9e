package deploy_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	idle    = 3 * time.Second // the proxy's timeout in the tests
	silence = 7 * time.Second // how long a connection is silent but for heartbeats
)

// backend is a gateway and a controller behind a proxy.
type backend struct {
	files string // a folder

	cond     testkit.Cond
	left     []websockets.Reason
	requests []string // the transport of Engine.IO, or the path, and the version of HTTP at the proxy
}

// client is what the application knows of a client.
type client struct{ Address, Protocol, Path string }

func (b *backend) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("binary", func(_ context.Context, data []byte) ([]byte, error) { return data, nil }),
		websockets.On("client", func(ctx context.Context, _ struct{}) (client, error) {
			c := websockets.ClientFrom(ctx)
			r := c.Request()
			return client{websockets.RemoteAddr(c).String(), r.Header.Get(protocolHeader), r.URL.Path}, nil
		}),
		websockets.Listen("leave", func(ctx context.Context, _ struct{}) error {
			websockets.ClientFrom(ctx).Close(4001, "leave")
			return nil
		}),
		// Until then the connection is silent.
		websockets.Listen("later", func(ctx context.Context, ms int) error {
			c := websockets.ClientFrom(ctx)
			time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { _ = c.Emit(context.Background(), "now", ms) })
			return nil
		}),
	}
}

func (b *backend) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	b.cond.Update(func() { b.left = append(b.left, r) })
}

func (b *backend) Routes(r chi.Router) { web.Static(r, "/page", os.DirFS(b.files)) }

// write writes a file below /page.
func (b *backend) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.files, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// record is the middleware that records requests.
func (b *backend) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := r.URL.Query().Get("transport")
		if what == "" {
			what = r.URL.Path
		}
		b.cond.Update(func() { b.requests = append(b.requests, what+" "+r.Header.Get(protocolHeader)) })
		next.ServeHTTP(w, r)
	})
}

// wantLeft waits until a client has left, and checks why.
func (b *backend) wantLeft(t *testing.T, when string, causes ...websockets.Cause) {
	t.Helper()
	var r websockets.Reason
	if !b.cond.Wait(testkit.Patience, func() bool {
		if len(b.left) == 0 {
			return false
		}
		r, b.left = b.left[0], b.left[1:]
		return true
	}) {
		t.Errorf("%s: the application does not notice it", when)
		return
	}
	if !slices.Contains(causes, r.Cause) {
		t.Errorf("%s: the client left by %s, want %q", when, r, causes)
	}
}

// requested reports whether a request was made over a version of HTTP.
func (b *backend) requested(what string) bool {
	found := false
	b.cond.Update(func() { found = slices.Contains(b.requests, what) })
	return found
}

// startBackend starts the application on a Unix socket or on a port, and returns what a proxy needs of it.
func startBackend(t *testing.T, unixSocket, keepPath bool, limits websockets.Limits) (*backend, place) {
	t.Helper()
	b := &backend{files: t.TempDir()}
	b.write(t, "index.html", "<title>page</title>")
	prefix := ""
	if keepPath {
		prefix = "/chat"
	}
	refused := func(_ context.Context, hs *websockets.Handshake) error {
		if hs.Request.URL.Query().Has("refused") {
			return &websockets.Error{Message: "No entry", Code: "no_entry", Status: http.StatusForbidden}
		}
		return nil
	}
	gateway := websockets.Gateway(func() *backend { return b }, websockets.WithLimits(limits), websockets.Admit(refused),
		websockets.Via(ws.New(), websockets.Path(prefix+"/ws")),
		websockets.Via(ws.New(ws.Options{BinaryFrames: ws.On}), websockets.Path(prefix+"/frames")),
		websockets.Via(socketio.New(), websockets.Path(prefix+"/socket.io/")))
	opts := []app.Option{app.Logger(slog.New(slog.DiscardHandler)), app.Use(b.record)}
	p := place{keepPath: keepPath}
	if unixSocket {
		p.socket = filepath.Join(t.TempDir(), "http.sock")
		l, err := new(net.ListenConfig).Listen(t.Context(), "unix", p.socket)
		if err != nil {
			t.Fatal(err)
		}
		opts = append(opts, app.Listener(l, web.Prefix(prefix)))
	} else {
		opts = append(opts, app.HTTP("127.0.0.1:0", web.Prefix(prefix)), app.TrustedProxies("127.0.0.1"))
	}
	a, err := app.New(module.New("backend", module.Providers(gateway)), opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if !unixSocket {
		p.port = a.Addr().String()
	}
	return b, p
}
