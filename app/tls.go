package app

import (
	"crypto/tls"
	"fmt"

	"github.com/gatehouse-go/gatehouse/internal/certfile"
	"github.com/gatehouse-go/gatehouse/internal/place"
)

// TLS serves https:// and wss:// with the certificate and key in two PEM files, on every
// port of the application: the HTTP server, a [Listener], and gateways' own ports. Routes
// are served over HTTP/1.1 and HTTP/2, WebSockets over HTTP/1.1.
//
//	app.Main(Module, app.HTTP(":443"), app.TLS("/etc/tls/tls.crt", "/etc/tls/tls.key"))
//
// Start fails if the files cannot be read or do not fit. They are read again when they have
// changed, at a handshake and at most once a second; connections stay. If the new ones cannot
// be used, the previous certificate stays and the log has an error. Use [TLSConfig] for more.
func TLS(certFile, keyFile string) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		c.forPorts(at, "TLS(%q, %q)", certFile, keyFile)
		c.tls.certFile, c.tls.keyFile = certFile, keyFile
		if certFile == "" || keyFile == "" {
			c.problemf(at, "TLS(%q, %q)", certFile, keyFile)("a file is missing: pass the names of the certificate and of its key, both in PEM")
		}
	})
}

// TLSConfig sets the configuration of TLS on every port of the application, such as client
// certificates, or certificates from Let's Encrypt by golang.org/x/crypto/acme/autocert. It
// is copied. The certificate of [TLS], if that is used too, takes precedence.
//
//	app.TLSConfig(&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: partners})
func TLSConfig(cfg *tls.Config) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		c.forPorts(at, "TLSConfig")
		if c.tls.base = cfg; cfg == nil {
			c.problemf(at, "TLSConfig")("the configuration is nil")
		}
		c.tls.baseAt = at
	})
}

// tlsOptions are those of [TLS] and [TLSConfig].
type tlsOptions struct {
	certFile, keyFile string
	base              *tls.Config
	baseAt            place.Position
}

// checkTLS notes a configuration without a certificate. It runs after all options.
func (c *config) checkTLS() {
	b := c.tls.base
	if b != nil && c.tls.certFile == "" && len(b.Certificates) == 0 && b.GetCertificate == nil && b.GetConfigForClient == nil {
		c.problemf(c.tls.baseAt, "TLSConfig")("there is no certificate: set Certificates or GetCertificate, or use TLS with files")
	}
}

// loadTLS returns the TLS configuration of all ports; nil without TLS.
func (a *App) loadTLS() (*tls.Config, error) {
	o := a.cfg.tls
	if o.certFile == "" && o.base == nil {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.base != nil {
		cfg = o.base.Clone()
	}
	if o.certFile != "" {
		pair, err := certfile.Load(o.certFile, o.keyFile, a.log)
		if err != nil {
			return nil, fmt.Errorf("app: TLS: %w", err)
		}
		cfg.Certificates, cfg.GetCertificate = nil, pair.Get
	}
	return cfg, nil
}
