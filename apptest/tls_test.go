package apptest_test

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// With app.TLS the URL is https, and the clients of the application connect, also in memory.
func TestAppTLS(t *testing.T) {
	cert := testkit.NewCertificate(t, "app", time.Now().Add(time.Hour))
	certFile, keyFile := cert.Write(t, t.TempDir())
	for name, opt := range map[string]apptest.Option{"port": {}, "memory": apptest.InMemory()} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t, squareModule(), opt,
				apptest.With(app.TLS(certFile, keyFile)))
			if !strings.HasPrefix(a.URL(), "https://") {
				t.Errorf("URL: %s", a.URL())
			}
			strict := apptest.WithTLS(&tls.Config{RootCAs: cert.Pool(), ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
			for _, c := range []*apptest.Client{a.DialWS("/ws"), a.DialSocketIO("/"), a.DialWS("/ws", strict)} {
				c.Call("enter") // answered
			}
			res, err := a.HTTPClient().Get(a.URL() + "/nowhere")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			if _ = res.Body.Close(); res.StatusCode != 404 || res.TLS == nil {
				t.Errorf("a request: %s", res.Status)
			}
		})
	}
}
