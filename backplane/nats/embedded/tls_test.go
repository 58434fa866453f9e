package embedded_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// certified returns a configuration with a certificate of nodes.example and 127.0.0.1, which it
// trusts, and requires of others.
func certified(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nodes"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"nodes.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}
}

// Nodes with certificates need no secret. One without a certificate of theirs is refused.
func TestTLSBetweenNodes(t *testing.T) {
	log := &testkit.Log{}
	ours := certified(t)
	a := startNode(t, 1, embedded.Secret(""), embedded.TLS(ours), embedded.Logger(log.Logger(slog.LevelInfo)))
	b := startNode(t, 2, embedded.Secret(""), embedded.TLS(ours), embedded.Peers(addr(a)))
	meet(t, a, b)
	strangers := []*node{
		startNode(t, 3, embedded.Secret(""), embedded.TLS(certified(t)), embedded.Peers(addr(a))),
		startNode(t, 4, embedded.Peers(addr(a))),
	}
	testkit.Eventually(t, "the log", func() bool { return len(log.Lines("level=ERROR", "TLS")) > 0 })
	a.mustSend("x")
	for _, s := range strangers {
		if s.cond.Wait(200*time.Millisecond, func() bool { return len(s.received) > 0 }) {
			t.Error("a node without a certificate is connected")
		}
	}
}

// A node connects to a NATS server with TLS, and not to one with a certificate that it does not
// trust.
func TestTLSOfNATS(t *testing.T) {
	ours := certified(t)
	at := service(t, func(o *server.Options) { o.TLSConfig, o.TLSTimeout = ours, 30 })
	a, b := natsNodes(t, "tls://"+at, nats.TLS(ours))
	meet(t, a, b)
	first := service(t, func(o *server.Options) { o.TLSConfig, o.TLSTimeout, o.TLSHandshakeFirst = ours, 30, true })
	a, b = natsNodes(t, "tls://"+first, nats.TLS(ours), nats.Client(func(o *natsgo.Options) { o.TLSHandshakeFirst = true }))
	meet(t, a, b)
	stranger := func() backplane.Backplane { return nats.New(nats.URL("tls://"+at), nats.TLS(certified(t))) }
	if err := startFails(t, stranger); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("Start: %v", err)
	}
}
