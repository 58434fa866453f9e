package nats

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// Defaults of the options.
const (
	// DefaultURL is where NATS is without [URL].
	DefaultURL = nats.DefaultURL
	// DefaultPrefix is that of the subjects without [Prefix].
	DefaultPrefix = "gatehouse"
	// DefaultMaxPayload is the limit of [MaxPayload] without it: that of a NATS server.
	DefaultMaxPayload = 1 << 20
)

const (
	// timeout bounds a connection attempt, a write, and how long NATS may take to confirm, unless Client changes it.
	timeout = 2 * time.Second
	// pingInterval is how often the connection is tested. Without an answer to two of them it
	// counts as lost.
	pingInterval = 2 * time.Second
	// pendingMessages and pendingBytes bound what waits for the application, of each channel.
	// What is too much is dropped, and counted by the framework, instead of the server
	// disconnecting a node that reads slowly.
	pendingMessages = 65_536
	pendingBytes    = 16 << 20
)

// Option configures an engine.
type Option func(*options)

type options struct {
	client     nats.Options
	prefix     string
	maxPayload int
	err        error // of the first option that is wrong; Start returns it
}

// URL sets the servers: "nats://host:4222", "tls://host", "ws://host" or host and port, each with
// user and password or a token where needed. Of several, and of several addresses of a host, the
// engine uses one that it can reach. Default [DefaultURL].
func URL(servers ...string) Option {
	return func(o *options) {
		o.client.Servers = nil
		for _, text := range servers {
			if text == "" {
				o.failed(errors.New("nats: URL is empty: set the variable that it is from, or leave the option out for " + DefaultURL))
			}
			for s := range strings.SplitSeq(text, ",") {
				s = strings.TrimSpace(s)
				if _, err := host(s); err != nil {
					o.failed(err)
					continue
				}
				o.client.Servers = append(o.client.Servers, s)
			}
		}
		if len(o.client.Servers) == 0 {
			o.failed(errors.New("nats: URL: there is none: pass one, or leave the option out"))
		}
	}
}

// host returns where a server is. The error does not contain the URL, which may have a password.
func host(server string) (string, error) {
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" {
		return "", errors.New("nats: URL: one is not of the form nats://host:4222: correct it")
	}
	return u.Host, nil
}

// Credentials sets user and password. Default: those of the URL, or none.
func Credentials(user, password string) Option {
	return func(o *options) { o.client.User, o.client.Password = user, password }
}

// Token sets the token of a server with token authentication. Default: none.
func Token(token string) Option {
	return func(o *options) { o.client.Token = token }
}

// CredentialsFile names the file with the JWT and the seed of a user, as nsc makes it. It is read
// at each connection. Default: none.
func CredentialsFile(path string) Option {
	return func(o *options) { o.apply("CredentialsFile", nats.UserCredentials(path)) }
}

// NKeyFile names the file with the seed of a user. It is read at each connection. Default: none.
func NKeyFile(path string) Option {
	return func(o *options) {
		key, err := nats.NkeyOptionFromSeed(path)
		if err != nil {
			o.failed(fmt.Errorf("NKeyFile: %w", err))
			return
		}
		o.apply("NKeyFile", key)
	}
}

// TLS encrypts the connection. A nil configuration is that of the system. Default: TLS when the
// server requires it, or the URL starts with "tls".
func TLS(c *tls.Config) Option {
	return func(o *options) {
		if c == nil {
			c = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		o.client.Secure, o.client.TLSConfig = true, c
	}
}

// Prefix is the start of all subjects, followed by a dot. Applications and environments that share
// an account of NATS need one each, or they are one application. It may have dots itself. Default
// [DefaultPrefix].
func Prefix(p string) Option {
	return func(o *options) {
		if o.prefix = p; !subjectName(p) {
			o.failed(fmt.Errorf("nats: Prefix %q: it is empty or has a space, one of *> or an empty part, which subjects of NATS must not have: use another", p))
		}
	}
}

// subjectName reports whether s can be the start of a subject.
func subjectName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.ContainsAny(part, "*> \t\r\n") {
			return false
		}
	}
	return true
}

// MaxPayload is the size of the largest message in bytes, max_payload of the servers. An event that
// is larger is an error of Emit. Set it on all nodes where the servers have another limit. Default
// [DefaultMaxPayload].
func MaxPayload(bytes int) Option {
	return func(o *options) {
		if o.maxPayload = bytes; bytes < minPayload {
			o.failed(fmt.Errorf("nats: MaxPayload of %d bytes: it must have %d at least", bytes, minPayload))
		}
	}
}

// minPayload has room for the messages of the framework itself.
const minPayload = 4 << 10

// Client calls f with the options of the client, to change what has no option here. The engine
// itself reconnects, names the connection, and does not receive what it sends: it sets
// AllowReconnect, RetryOnFailedConnect, Name, NoEcho and FlusherTimeout. Other options that follow
// change the rest again. Timeout, 2 s by default, also bounds how long a server may take to confirm.
//
//	nats.Client(func(o *natsgo.Options) { o.Timeout = 5 * time.Second })
func Client(f func(*nats.Options)) Option {
	return func(o *options) { f(&o.client) }
}

func newOptions(opts []Option) options {
	o := options{client: nats.GetDefaultOptions(), prefix: DefaultPrefix, maxPayload: DefaultMaxPayload}
	o.client.Servers = []string{DefaultURL}
	o.client.Timeout, o.client.PingInterval, o.client.MaxPingsOut = timeout, pingInterval, 2
	o.client.AsyncErrorCB = func(*nats.Conn, *nats.Subscription, error) {} // the default prints
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	o.client.AllowReconnect, o.client.RetryOnFailedConnect = false, false
	if o.client.Timeout <= 0 {
		o.client.Timeout = timeout
	}
	o.client.NoEcho, o.client.FlusherTimeout, o.client.SkipHostLookup = true, o.client.Timeout, true
	return o
}

func (o *options) failed(err error) {
	if o.err == nil {
		o.err = &backplane.SetupError{Err: err}
	}
}

// apply applies an option of the client.
func (o *options) apply(name string, option nats.Option) {
	if err := option(&o.client); err != nil {
		o.failed(fmt.Errorf("%s: %w", name, err))
	}
}

// target returns where NATS is, for errors: without user and password.
func (o *options) target() string {
	if o.client.InProcessServer != nil {
		return "nats in this process"
	}
	all := make([]string, 0, len(o.client.Servers))
	for _, s := range o.client.Servers {
		if h, err := host(s); err == nil {
			all = append(all, h)
		}
	}
	return "nats at " + strings.Join(all, ", ")
}

// maxMessage returns Traits.MaxBytes.
func (o *options) maxMessage() int { return envelope.Limits{Frame: o.maxPayload}.MaxMessage() }
