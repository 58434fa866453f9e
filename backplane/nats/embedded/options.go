package embedded

import (
	"cmp"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// Defaults of the options.
const (
	// DefaultListen is where other nodes connect to without [Listen].
	DefaultListen = ":6222"
	// DefaultCluster is the name of the cluster without [Cluster].
	DefaultCluster = "gatehouse"
)

const (
	// MaxPayload is the size of the largest message in bytes. An event that is larger is an error
	// of Emit.
	MaxPayload = 8 << 20
	// maxWaiting is how many bytes may wait for another node before Send waits for it.
	maxWaiting = 16 << 20
	// slowAfter is how long another node may read nothing before it is disconnected, at least; twice
	// that at most.
	slowAfter = 2 * time.Second
	// pingInterval is how often connections to other nodes are tested. Without an answer to two
	// tests a connection counts as lost.
	pingInterval = 2 * time.Second
	// implicitRetries is how often a node that was learned from another one is connected to
	// again, once a second.
	implicitRetries = 3600
	// reportAttempts is after how many attempts, one each second, to connect to a peer for the first
	// time the log has it: nodes that start together do not all listen at once.
	reportAttempts = 5
	// routeUser is the user of nodes among each other; the secret is its password.
	routeUser = "gatehouse"
)

// Option configures an engine.
type Option func(*options)

type options struct {
	listen, advertise address
	peers             []address
	cluster           string
	secret            string
	tls               *tls.Config
	clients           *address
	server            []func(*server.Options)
	ownLog, log       *slog.Logger // of Logger; in use
	lookup            func(ctx context.Context, host string) ([]netip.Addr, error)
	resolveEvery      time.Duration
	joinWait          time.Duration
	settleWait        time.Duration
	clientTimeout     time.Duration // of the client of the server; 0 is its default
	err               error         // of the first option that is wrong; Start returns it
}

type address struct {
	host string
	port int
}

func (a address) String() string { return net.JoinHostPort(a.host, strconv.Itoa(a.port)) }

// Listen sets where other nodes connect to: host and port, or a colon and the port for all
// interfaces. Port 0 is a free one, see [Engine.Addr]. Default [DefaultListen].
func Listen(at string) Option { return func(o *options) { o.listen = o.address("Listen", at, 0) } }

// Advertise sets the host and port under which other nodes reach this one, where that is not where
// it listens: in containers with forwarded ports, behind NAT. Default: the addresses of [Listen].
func Advertise(at string) Option {
	return func(o *options) { o.advertise = o.address("Advertise", at, 1) }
}

// Peers names other nodes: host and port each, as several texts or separated by commas. A host with
// several addresses is all of them, and is resolved again every 10 seconds, so one name of a service
// is enough. The node itself may be among them. Nodes that are connected introduce each other, but
// list all that can be the first. Without any, the node waits until others connect. Default: none.
func Peers(at ...string) Option {
	return func(o *options) {
		o.peers = nil
		for _, list := range at {
			if list == "" {
				o.failed(errors.New("embedded: Peers is empty: set the variable that it is from, or leave the option out for a node that others connect to"))
			}
			for a := range strings.SplitSeq(list, ",") {
				if a = strings.TrimSpace(a); a != "" {
					o.peers = append(o.peers, o.address("Peers", a, 1))
				}
			}
		}
	}
}

// Cluster names the cluster. Nodes reject others with another name, so that applications that reach
// each other by mistake stay apart. Default [DefaultCluster].
func Cluster(name string) Option {
	return func(o *options) {
		if o.cluster = name; name == "" || strings.ContainsAny(name, " \t\r\n") {
			o.failed(fmt.Errorf("embedded: Cluster %q: it is empty or has a space: use another", name))
		}
	}
}

// Secret is what nodes must know to connect to each other. Without [TLS] it is not encrypted on its
// way. It is required, unless TLS verifies certificates of clients. Default: none.
func Secret(s string) Option { return func(o *options) { o.secret = s } }

// TLS encrypts what nodes send to each other, on all nodes. The configuration has the certificate of
// this node in Certificates and the authority of the others in RootCAs; with ClientAuth and
// ClientCAs also the nodes that connect need one. All certificates must be valid for ServerName, by
// default the host of the first peer that is a name. Default: not encrypted.
func TLS(c *tls.Config) Option { return func(o *options) { o.tls = c } }

// Clients sets where NATS clients may connect: tools, or programs that only emit. Their token is
// [Secret], which is required then. They are not encrypted. Default: no client can connect.
func Clients(at string) Option {
	return func(o *options) {
		a := o.address("Clients", at, 0)
		o.clients = &a
	}
}

// Logger sets the log of the NATS server: its warnings and errors, at most one of a kind each minute,
// and what else happens at level debug. Default: that of the application, or slog.Default() without one.
func Logger(log *slog.Logger) Option { return func(o *options) { o.ownLog = log } }

// Server calls f with the options of the NATS server, to change what has no option here. Names,
// addresses, peers and credentials are those of the other options.
func Server(f func(*server.Options)) Option {
	return func(o *options) { o.server = append(o.server, f) }
}

func newOptions(opts []Option) options {
	o := options{
		cluster: DefaultCluster, resolveEvery: resolveEvery, joinWait: joinWait, settleWait: settleWait,
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
	o.listen = o.address("Listen", DefaultListen, 0)
	for _, f := range opts {
		if f != nil {
			f(&o)
		}
	}
	o.log = cmp.Or(o.ownLog, slog.Default())
	verified := o.tls != nil && o.tls.ClientAuth == tls.RequireAndVerifyClientCert
	switch {
	case o.secret == "" && !verified:
		o.failed(fmt.Errorf("embedded: Secret is missing: all that reaches %v could send to the clients: pass one, or TLS with RequireAndVerifyClientCert", o.listen))
	case o.secret == "" && o.clients != nil:
		o.failed(errors.New("embedded: Clients: Secret is missing: it is their token"))
	}
	return o
}

func (o *options) failed(err error) {
	if o.err == nil {
		o.err = &backplane.SetupError{Err: err}
	}
}

// address parses host and port.
func (o *options) address(option, text string, minPort uint64) address {
	host, portText, err := net.SplitHostPort(text)
	port, portErr := strconv.ParseUint(portText, 10, 16)
	if err != nil || portErr != nil || port < minPort || host == "" && minPort > 0 {
		o.failed(fmt.Errorf("embedded: %s %q is not host and port, such as node-1:6222: correct it", option, text))
	}
	return address{host, int(port)}
}

// forServer returns the options of the server.
func (o *options) forServer(name string, routes []address) *server.Options {
	s := &server.Options{
		MaxPayload: MaxPayload, WriteDeadline: slowAfter,
		NoSystemAccount: true, // has nothing but its own statistics
	}
	s.Cluster.Compression.Mode = server.CompressionOff
	s.Cluster.PingInterval, s.Cluster.MaxPingsOut, s.Cluster.WriteDeadline = pingInterval, 2, slowAfter
	s.Cluster.ConnectRetries = implicitRetries
	for _, f := range o.server {
		f(s)
	}
	s.ServerName, s.NoSigs, s.NoLog = name, true, true
	// Of a reconnect only the first attempt, which serverLog does not report: that a node does not
	// respond is in the log of the framework.
	s.ConnectErrorReports, s.ReconnectErrorReports = reportAttempts, math.MaxInt32
	s.CustomClientAuthentication = o
	c := &s.Cluster
	if o.clients != nil {
		s.Host, s.Port = o.clients.host, portOf(o.clients.port)
	} else {
		// Without a port for clients the server does not connect to others (DontListen): this one
		// has a free port of this machine, and Check rejects all that connect.
		s.Host, s.Port, c.NoAdvertise = "127.0.0.1", server.RANDOM_PORT, true
	}
	c.Name, c.Host, c.Port = o.cluster, o.listen.host, portOf(o.listen.port)
	c.PoolSize = -1 // one connection to each node keeps the order of subscriptions and messages
	if o.advertise.host != "" {
		c.Advertise = o.advertise.String()
	}
	if o.secret != "" {
		c.Username, c.Password = routeUser, o.secret
	}
	if o.tls != nil {
		c.TLSConfig = o.tls.Clone()
		if c.TLSConfig.ServerName == "" {
			c.TLSConfig.ServerName = o.serverName()
		}
	}
	s.Routes = routeURLs(routes, o.secret)
	return s
}

// Check implements server.Authentication: clients are connections inside the process, and others with
// the secret as their token where [Clients] allows them.
func (o *options) Check(c server.ClientAuthentication) bool {
	if a := c.RemoteAddress(); a != nil && a.Network() == "pipe" {
		return true
	}
	return o.clients != nil && subtle.ConstantTimeCompare([]byte(c.GetOpts().Token), []byte(o.secret)) == 1
}

// portOf returns a port as the server wants it: -1 for a free one.
func portOf(port int) int {
	if port == 0 {
		return server.RANDOM_PORT
	}
	return port
}

// serverName returns the host of the first peer that is a name.
func (o *options) serverName() string {
	for _, p := range o.peers {
		if net.ParseIP(p.host) == nil {
			return p.host
		}
	}
	return ""
}
