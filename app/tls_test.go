package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func certificate(t *testing.T, name string) testkit.Certificate {
	t.Helper()
	return testkit.NewCertificate(t, name, time.Now().Add(time.Hour))
}

// secure returns an HTTP client that trusts one certificate.
func secure(t *testing.T, pool *x509.CertPool) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func serveTLS(t *testing.T, opts ...app.Option) *apptest.App {
	t.Helper()
	return apptest.New(t, served(), apptest.With(opts...))
}

// With TLS, routes are served over HTTP/2 and WebSockets over HTTP/1.1, also on gateways' own ports.
func TestTLS(t *testing.T) {
	c := certificate(t, "app")
	certFile, keyFile := c.Write(t, t.TempDir())
	trusting := apptest.WithTLS(&tls.Config{RootCAs: c.Pool(), MinVersion: tls.VersionTLS12})
	for name, platform := range map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New()} {
		dial := func(t *testing.T, url string) *apptest.Client {
			if name == "ws" {
				return apptest.DialWS(t, url, trusting)
			}
			return apptest.DialSocketIO(t, url, trusting)
		}
		t.Run(name, func(t *testing.T) {
			a := serveTLS(t, app.WebSockets(platform), app.TLS(certFile, keyFile))
			url := "https://" + a.App().Addr().String()
			r, err := secure(t, c.Pool()).Get(url + "/text")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if r.StatusCode != http.StatusOK || r.ProtoMajor != 2 || len(body) < 5000 {
				t.Errorf("status %d, %s, %d bytes", r.StatusCode, r.Proto, len(body))
			}
			if got := apptest.Call[string](dial(t, url), "echo", "hello"); got != "hello" {
				t.Errorf("echo: %q", got)
			}
			if status, body := getText(t, "http://"+a.App().Addr().String()); status != http.StatusBadRequest || !strings.Contains(body, "HTTP request to an HTTPS server") {
				t.Errorf("without TLS: %d %s", status, body)
			}

			own := apptest.New(t, served(websockets.Addr("127.0.0.1:0")), apptest.With(app.WebSockets(platform), app.TLS(certFile, keyFile)))
			port := "https://" + own.App().Gateways()[0].Endpoints[0].Addr.String()
			if got := apptest.Call[string](dial(t, port), "echo", "hello"); got != "hello" {
				t.Errorf("a port of its own: %q", got)
			}
		})
	}
}

// A new certificate is served without a restart, and connections stay. A broken one is not.
func TestTLSReload(t *testing.T) {
	dir := t.TempDir()
	first, second := certificate(t, "first"), certificate(t, "second")
	certFile, keyFile := first.Write(t, dir)
	both := first.Pool()
	both.AddCert(second.Leaf)
	cfg := &tls.Config{RootCAs: both, MinVersion: tls.VersionTLS12}
	var log testkit.Log
	a := serveTLS(t, app.WebSockets(ws.New()), app.TLS(certFile, keyFile), app.Logger(log.Logger(slog.LevelInfo)))
	addr := a.App().Addr().String()
	served := func() string {
		d := tls.Dialer{Config: cfg}
		c, err := d.DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		return c.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	old := apptest.DialWS(t, "https://"+addr, apptest.WithTLS(cfg))
	second.Write(t, dir)
	testkit.Eventually(t, "the second certificate", func() bool { return served() == "second" })
	if err := os.WriteFile(keyFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the error", func() bool {
		return served() == "second" && len(log.Lines("level=ERROR", "the previous one stays", "key.pem")) == 1
	})
	if got := apptest.Call[string](old, "echo", "hello"); got != "hello" {
		t.Errorf("the client from before: %q", got)
	}
}

// Client certificates, by a configuration beside the files.
func TestTLSConfig(t *testing.T) {
	c := certificate(t, "app")
	certFile, keyFile := c.Write(t, t.TempDir())
	asked := &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: c.Pool(), MinVersion: tls.VersionTLS13}
	a := serveTLS(t, app.WebSockets(ws.New()), app.TLS(certFile, keyFile), app.TLSConfig(asked))
	url := "https://" + a.App().Addr().String()
	cfg := &tls.Config{RootCAs: c.Pool(), MinVersion: tls.VersionTLS13}
	if _, err := apptest.TryDialWS(t, url, apptest.WithTLS(cfg)); err == nil {
		t.Error("a client without a certificate is accepted")
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Certificates = []tls.Certificate{pair}
	if got := apptest.Call[string](apptest.DialWS(t, url, apptest.WithTLS(cfg)), "echo", "hello"); got != "hello" {
		t.Errorf("echo: %q", got)
	}

	alone := serveTLS(t, app.WebSockets(ws.New()), app.TLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}))
	apptest.DialWS(t, "https://"+alone.App().Addr().String(), apptest.WithTLS(cfg))
}

func TestTLSMistakes(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := certificate(t, "app").Write(t, dir)
	none := filepath.Join(dir, "none.pem")
	for what, c := range map[string]struct {
		opts []app.Option
		want string
	}{
		"no file":       {with(app.TLS(none, keyFile)), "app: TLS: read the certificate: open " + none},
		"swapped":       {with(app.TLS(keyFile, certFile)), "PEM inputs may have been switched"},
		"an empty name": {with(app.TLS("", keyFile)), `): a file is missing: pass the names of the certificate and of its key, both in PEM`},
		"nil":           {with(app.TLSConfig(nil)), `app: TLSConfig (app/tls_test.go:`},
		"no certificate": {with(app.TLSConfig(&tls.Config{MinVersion: tls.VersionTLS12})),
			`): there is no certificate: set Certificates or GetCertificate, or use TLS with files`},
	} {
		a, err := app.New(served(), append(c.opts, app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()), quiet())...)
		if err == nil {
			err = a.Start(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
}

// Options of ports are an error where the application opens none.
func TestPortOptionsWithoutAPort(t *testing.T) {
	for what, c := range map[string]struct {
		opt  app.Option
		want string
	}{
		"KeepAlive":     {app.KeepAlive(time.Minute), "app: KeepAlive(1m0s) (app/tls_test.go:"},
		"HeaderTimeout": {app.HeaderTimeout(time.Second), "app: HeaderTimeout(1s) (app/tls_test.go:"},
	} {
		a, err := app.New(served(), c.opt, app.Mounted(), app.WebSockets(ws.New()), quiet())
		if err == nil {
			err = a.Start(t.Context())
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) ||
			!strings.HasSuffix(err.Error(), "has no effect, because the application opens no port: set it at the server that serves App.Handler") {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	a, err := app.New(served(websockets.Addr("127.0.0.1:0")), app.KeepAlive(time.Minute), app.Mounted(), app.WebSockets(ws.New()), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Error(err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
