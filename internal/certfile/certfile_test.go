package certfile_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/certfile"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

func later() time.Time { return time.Now().Add(time.Hour) }

func nameOf(t *testing.T, p *certfile.Pair) string {
	t.Helper()
	c, err := p.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.Subject.CommonName
}

// A certificate is read again when its files change, at most once in a second; one that
// cannot be used is logged once, and the previous one stays.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var log testkit.Log
		certFile, keyFile := testkit.NewCertificate(t, "first", later()).Write(t, dir)
		p, err := certfile.Load(certFile, keyFile, log.Logger(slog.LevelInfo))
		if err != nil {
			t.Fatal(err)
		}
		second := testkit.NewCertificate(t, "second", later())
		second.Write(t, dir)
		if got := nameOf(t, p); got != "first" {
			t.Errorf("at once: %s", got)
		}
		next := func() { <-time.After(time.Second) } // of the bubble
		next()
		if got := nameOf(t, p); got != "second" || len(log.Lines("read again", "cert.pem")) != 1 {
			t.Errorf("a second later: %s\n%s", got, log.String())
		}
		log.Take()

		for what, change := range map[string]func(){
			"no PEM":     func() { write(t, certFile, "nothing") },
			"other key":  func() { write(t, keyFile, string(testkit.NewCertificate(t, "other", later()).Key)) },
			"no file":    func() { _ = os.Remove(certFile) },
			"empty file": func() { write(t, keyFile, "") },
		} {
			second.Write(t, dir)
			next()
			nameOf(t, p)
			log.Take()
			change()
			for range 3 {
				next()
				if got := nameOf(t, p); got != "second" {
					t.Errorf("%s: %s", what, got)
				}
			}
			if lines := log.Lines("level=ERROR", "the previous one stays", dir); len(lines) != 1 {
				t.Errorf("%s: log:\n%s", what, log.String())
			}
		}
		testkit.NewCertificate(t, "third", time.Now().Add(-time.Minute)).Write(t, dir)
		next()
		if got := nameOf(t, p); got != "third" || len(log.Lines("level=WARN", "expired")) != 1 {
			t.Errorf("%s, log:\n%s", got, log.String())
		}
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	certFile, keyFile := testkit.NewCertificate(t, "first", later()).Write(t, dir)
	for what, c := range map[string]struct{ cert, key, want string }{
		"no certificate": {dir + "/none.pem", keyFile, "read the certificate: open " + dir + "/none.pem: "},
		"no key":         {certFile, dir + "/none.pem", "read the key: open " + dir + "/none.pem: "},
		"swapped": {
			keyFile, certFile,
			"certificate " + keyFile + " with key " + certFile + ": failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched",
		},
	} {
		if _, err := certfile.Load(c.cert, c.key, log); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
}
