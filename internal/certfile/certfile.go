// Package certfile serves a TLS certificate from two files, and reads it again when they
// change.
package certfile

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// interval is how long a handshake uses a certificate without a look at the files.
const interval = time.Second

// Pair is a certificate and its key in two PEM files. It is safe for concurrent use.
type Pair struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]

	mu       sync.Mutex // held by the handshake that reads the files
	checked  time.Time
	contents contents // that were read last
}

type contents struct{ cert, key []byte }

// Load reads the files. The error names them, and what is wrong.
func Load(certFile, keyFile string, log *slog.Logger) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, log: log}
	got, err := p.read()
	if err != nil {
		return nil, err
	}
	cert, err := p.parse(got)
	if err != nil {
		return nil, err
	}
	p.contents, p.checked = got, time.Now()
	p.current.Store(cert)
	p.warnOfEnd(cert.Leaf)
	return p, nil
}

// Get returns the certificate, for [tls.Config]. At most once in a second it looks whether
// the files have changed; while one handshake does, others use the certificate as it was. A
// new certificate that cannot be used is logged once, and the old one stays.
func (p *Pair) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if p.mu.TryLock() {
		defer p.mu.Unlock()
		if now := time.Now(); now.Sub(p.checked) >= interval {
			p.checked = now
			p.reload()
		}
	}
	return p.current.Load(), nil
}

func (p *Pair) reload() {
	got, err := p.read()
	if err == nil {
		if bytes.Equal(got.cert, p.contents.cert) && bytes.Equal(got.key, p.contents.key) {
			return
		}
	} else if p.contents.cert == nil {
		return // has been logged
	}
	p.contents = got // also a broken one, which is logged once
	var cert *tls.Certificate
	if err == nil {
		cert, err = p.parse(got)
	}
	if err != nil {
		p.log.Error("the new TLS certificate cannot be used; the previous one stays", "error", err)
		return
	}
	p.current.Store(cert)
	p.log.Info("TLS certificate read again", "file", p.certFile, "until", cert.Leaf.NotAfter)
	p.warnOfEnd(cert.Leaf)
}

func (p *Pair) read() (got contents, err error) {
	if got.cert, err = os.ReadFile(p.certFile); err != nil {
		return contents{}, fmt.Errorf("read the certificate: %w", err)
	}
	if got.key, err = os.ReadFile(p.keyFile); err != nil {
		return contents{}, fmt.Errorf("read the key: %w", err)
	}
	return got, nil
}

func (p *Pair) parse(got contents) (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair(got.cert, got.key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %s", p.certFile, p.keyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	if cert.Leaf == nil { // with GODEBUG=x509keypairleaf=0
		cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0])
	}
	return &cert, err
}

func (p *Pair) warnOfEnd(leaf *x509.Certificate) {
	if time.Now().After(leaf.NotAfter) {
		p.log.Warn("the TLS certificate has expired: clients reject it", "file", p.certFile, "until", leaf.NotAfter)
	}
}
