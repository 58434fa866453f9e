package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// Defaults of the options.
const (
	// DefaultAddress is where Redis is without [Address] and [URL].
	DefaultAddress = "localhost:6379"
	// DefaultPrefix is that of the channels without [Prefix].
	DefaultPrefix = "gatehouse"
	// DefaultKey is that of [SocketIO] without [Key], as in @socket.io/redis-adapter.
	DefaultKey = "socket.io"
	// DefaultRetention is how long [Streams] keeps events without [Retention].
	DefaultRetention = 2 * time.Minute
	// DefaultMaxMessages is how many [Streams] keeps without [MaxMessages].
	DefaultMaxMessages = 1_000_000
)

const (
	// timeout bounds a connection attempt, and how long Redis may take to answer, unless Client changes it.
	timeout = 2 * time.Second
	// bufferSize is that of the read and the write buffer of a connection.
	bufferSize = 64 << 10
	// ringScale is the binary logarithm of how many calls may wait at a connection; one does.
	ringScale = 8
)

// Option configures an engine.
type Option func(*options)

type options struct {
	client  rueidis.ClientOption
	cluster bool
	prefix  string
	key     string
	keep    keep
	err     error // of the first option that is wrong; Start returns it
}

// URL sets address, user name, password, TLS and the number of the database, for example
// "rediss://user:password@host:6380" with TLS, or "redis://host". The number separates no
// channels: applications that share a Redis need a [Prefix] each.
func URL(text string) Option {
	return func(o *options) {
		parsed, err := rueidis.ParseURL(text)
		if text == "" {
			o.failed(errors.New("redis: URL is empty: set the variable that it is from, or leave the option out for " + DefaultAddress))
			return
		}
		if err != nil {
			// The error may contain the password.
			o.failed(errors.New("redis: URL: it is not of the form redis://user:password@host:6379: correct it"))
			return
		}
		c := &o.client
		c.InitAddress, c.DialCtxFn, c.TLSConfig = parsed.InitAddress, parsed.DialCtxFn, parsed.TLSConfig
		c.Username, c.Password, c.SelectDB, c.Sentinel.MasterSet = parsed.Username, parsed.Password, parsed.SelectDB, parsed.Sentinel.MasterSet
	}
}

// Address sets where Redis is, as host and port, or the path of a socket. Several addresses are
// nodes of a [Cluster], or sentinels, see [Client]. Default [DefaultAddress].
func Address(addresses ...string) Option {
	return func(o *options) {
		o.client.InitAddress, o.client.DialCtxFn = addresses, nil
	}
}

// Cluster reports that the addresses are nodes of a Redis Cluster, of which one must answer. Each
// message then reaches every Redis, and a node that is gone is noticed by its missing beats only, since
// PUBLISH counts the subscribers of one Redis. Default: one Redis.
func Cluster() Option {
	return func(o *options) { o.cluster = true }
}

// Credentials sets the user of Redis. An empty user is the default one. Default: none.
func Credentials(user, password string) Option {
	return func(o *options) { o.client.Username, o.client.Password = user, password }
}

// TLS encrypts the connections. A nil configuration is that of the system. Default: no TLS.
func TLS(c *tls.Config) Option {
	return func(o *options) {
		if c == nil {
			c = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		o.client.TLSConfig = c
	}
}

// Prefix is put before the names of all channels, followed by a colon. Applications and
// environments that share a Redis need one each, or they are one application. Default
// [DefaultPrefix].
func Prefix(p string) Option {
	return func(o *options) {
		o.prefix = p
		o.check("Prefix", p)
	}
}

// keySuffix is what follows the key in the prefix of native channels.
const keySuffix = "-gatehouse"

// Key is what the channels of [SocketIO] start with: the option key of @socket.io/redis-adapter. It
// sets the [Prefix] too. Default [DefaultKey].
func Key(k string) Option {
	return func(o *options) {
		o.key, o.prefix = k, k+keySuffix
		o.check("Key", k)
	}
}

// keep is what a log keeps.
type keep struct {
	retention time.Duration
	messages  int
}

// Retention is how long [Streams] keeps events at least: how long a client may be gone that is to be recovered. At least
// 1 s. Default [DefaultRetention].
func Retention(d time.Duration) Option {
	return func(o *options) {
		if o.keep.retention = d; d < time.Second {
			o.failed(fmt.Errorf("redis: Retention %v: it is less than 1 s: use more, or redis.Native, which keeps nothing", d))
		}
	}
}

// MaxMessages is how many messages [Streams] keeps, even if they are newer than [Retention]; Redis keeps
// some more, as it removes them in groups. A client that has missed older ones is a new client. Default [DefaultMaxMessages].
func MaxMessages(n int) Option {
	return func(o *options) {
		if o.keep.messages = n; n < 1 {
			o.failed(fmt.Errorf("redis: MaxMessages %d: use 1 or more", n))
		}
	}
}

func (o *options) check(option, text string) {
	if text == "" || strings.ContainsAny(text, "*?[]\\ \t\r\n") {
		o.failed(fmt.Errorf("redis: %s %q: it is empty or has a space or one of *?[]\\, which mean something in rules of Redis: use another", option, text))
	}
}

// Client calls f with the options of the client, to change what has no option here: sentinels,
// credentials that rotate, timeouts. ConnWriteTimeout, 2 s by default, bounds how long Redis may take to answer.
// Other options that follow change them again.
//
//	redis.Client(func(o *rueidis.ClientOption) { o.Sentinel.MasterSet = "main" })
func Client(f func(*rueidis.ClientOption)) Option {
	return func(o *options) { f(&o.client) }
}

func newOptions(opts []Option) options {
	o := options{
		prefix: DefaultPrefix, key: DefaultKey, keep: keep{DefaultRetention, DefaultMaxMessages},
		client: rueidis.ClientOption{
			InitAddress:         []string{DefaultAddress},
			ReadBufferEachConn:  bufferSize,
			WriteBufferEachConn: bufferSize,
			RingScaleEachConn:   ringScale,
			PipelineMultiplex:   -1, // one connection, which keeps the order
			ConnWriteTimeout:    timeout,
			DisableCache:        true,
			DisableRetry:        true,
			ClientSetInfo:       rueidis.DisableClientSetInfo,
		},
	}
	o.client.Dialer.Timeout = timeout
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	if o.client.ConnWriteTimeout <= 0 {
		o.client.ConnWriteTimeout = timeout
	}
	o.client.ForceSingleClient = !o.cluster
	switch n := len(o.client.InitAddress); {
	case n == 0:
		o.failed(errors.New("redis: Address: there is none: pass one, or leave the option out"))
	case n > 1 && !o.cluster && o.client.Sentinel.MasterSet == "":
		o.failed(fmt.Errorf("redis: %d addresses: pass redis.Cluster(), or set Sentinel.MasterSet by redis.Client, or use one", n))
	}
	return o
}

func (o *options) failed(err error) {
	if o.err == nil {
		o.err = &backplane.SetupError{Err: err}
	}
}

// target returns where Redis is, for errors: without user and password.
func (o *options) target() string {
	list := strings.Join(o.client.InitAddress, ", ")
	if m := o.client.Sentinel.MasterSet; m != "" {
		return fmt.Sprintf("redis %s of the sentinels %s", m, list)
	}
	return "redis at " + list
}

// channelPrefix is what stands before the channels of the framework.
func (o *options) channelPrefix() string { return o.prefix + ":" }
