package inspect

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// inspector is what the parts of the module share.
type inspector struct {
	options Options
	log     *slog.Logger
	started time.Time
	token   string // in the URL
	cookie  string // what the token is exchanged for
	feed    *feed

	ready chan struct{} // closed when the fields below are set
	app   *app.App
	about app.Description // without what is the inspector's own
	// declared are the events that gateways say they send.
	declared map[sentEvent]bool

	contracts contracts
	overviews cached[overview]
}

func newInspector(o Options, c *app.Control, log *slog.Logger) *inspector {
	i := &inspector{
		options: o, log: log.With("module", "inspect"), started: time.Now(), token: rand.Text(), cookie: rand.Text(),
		feed: newFeed(), ready: make(chan struct{}),
	}
	c.OnReady(i.start)
	return i
}

// start learns what the application has, once it listens, and logs the URL of the page.
func (i *inspector) start(a *app.App) error {
	if addr := a.Addr(); addr != nil && i.options.Guard == nil && !loopback(addr) {
		return fmt.Errorf("inspect: the application listens on %s, which other machines reach: listen on 127.0.0.1, as with "+
			`app.HTTP("127.0.0.1:3000"), or set inspect.Options.Guard`, addr)
	}
	i.app = a
	i.about = app.Description{Modules: a.Modules()}
	for _, g := range a.Gateways() {
		if !ownGateway(g) {
			i.about.Gateways = append(i.about.Gateways, g)
		}
	}
	i.about.Routes = slices.DeleteFunc(a.Routes(), func(r web.RouteInfo) bool { return ownRoute(r, i.options.Path) })
	i.declared = declaredEvents(i.about.Gateways)
	close(i.ready)
	i.log.Info("the inspector is at this URL, and at no other", "url", i.url(a))
	return nil
}

func ownGateway(g websockets.GatewayInfo) bool {
	return g.Module == "inspect" && len(g.Subscriptions) > 0 && g.Subscriptions[0].Meta.Hidden()
}

func ownRoute(r web.RouteInfo, path string) bool {
	return r.Meta.Hidden() && (r.Pattern == path || strings.HasPrefix(r.Pattern, path+"/"))
}

// url returns the URL of the page; without a host where another server serves the application.
func (i *inspector) url(a *app.App) string {
	base := a.URL()
	if host, port, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(base, "http://"), "https://")); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			scheme, _, _ := strings.Cut(base, "://")
			base = scheme + "://" + net.JoinHostPort("localhost", port)
		}
	}
	return base + i.options.Path + "/#token=" + i.token
}

// loopback reports whether no other machine reaches an address.
func loopback(addr net.Addr) bool {
	a, ok := addr.(*net.TCPAddr)
	if !ok {
		return addr.Network() == "unix"
	}
	ip, _ := netip.AddrFromSlice(a.IP)
	return ip.Unmap().IsLoopback() || discard.Contains(ip)
}

// discard is the block in which there is no host, RFC 6666: apptest.InMemory has its addresses there.
var discard = netip.MustParsePrefix("100::/64")

var errNotReady = &pipeline.Error{Message: "The application is starting", Code: "inspect_starting", Status: 503}

// running returns an error before the application accepts clients.
func (i *inspector) running() error {
	select {
	case <-i.ready:
		return nil
	default:
		return errNotReady
	}
}

// clients yields the clients of this node, each once.
func (i *inspector) clients() iter.Seq[websockets.Client] {
	return func(yield func(websockets.Client) bool) {
		seen := map[websockets.Client]struct{}{}
		for _, g := range i.about.Gateways {
			s := i.app.Server(g.Name)
			if s == nil {
				continue
			}
			for c := range s.Local().Clients() {
				if _, again := seen[c]; again {
					continue
				}
				seen[c] = struct{}{}
				if !yield(c) {
					return
				}
			}
		}
	}
}

// client returns a client by its id.
func (i *inspector) client(id string) (websockets.Client, error) {
	if err := i.running(); err != nil {
		return nil, err
	}
	for _, g := range i.about.Gateways {
		for c := range i.app.Server(g.Name).ToID(id).Local().Clients() {
			return c, nil
		}
	}
	return nil, &pipeline.Error{Message: "No such client at this node", Code: "inspect_no_client", Status: 404}
}

// OnApplicationShutdown waits for the goroutine of the feed.
func (i *inspector) OnApplicationShutdown(ctx context.Context) error { return i.feed.close(ctx) }

// cached computes a value at most once in a while, whatever the number of pages.
type cached[T any] struct {
	mu    sync.Mutex
	at    time.Time
	value T
}

func (c *cached[T]) get(age time.Duration, compute func() T) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) >= age {
		c.value, c.at = compute(), time.Now()
	}
	return c.value
}
