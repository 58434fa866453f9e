package edge_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const overloaded, tooMany = websockets.CodeOverloaded, websockets.CodeTooManyConnections

func client(ip string) string { return "X-Forwarded-For: " + ip }

// TestConnectionsInAll: beyond app.MaxConnections a handshake is answered with 503 and Retry-After, and a closed
// connection frees its place.
func TestConnectionsInAll(t *testing.T) {
	ways(t, []stage.Option{stage.App(app.MaxConnections(3))}, func(_ *testing.T, d *way) {
		conns := []*conn{d.want(), d.want(), d.want()}
		for range 5 {
			d.refused(http.StatusServiceUnavailable, overloaded)
		}
		if n := strings.Count(d.Log.String(), "app.MaxConnections"); n != 1 {
			d.t.Errorf("%d lines report the limit:\n%s", n, d.Log)
		}
		conns[0].leave()
		conns[0] = d.eventually()
		d.refused(http.StatusServiceUnavailable, overloaded)
		for _, c := range conns {
			c.leave()
		}
		for i := range conns {
			conns[i] = d.eventually()
		}
		d.refused(http.StatusServiceUnavailable, overloaded)
	})
}

// TestConnectionsOfOneAddress: an address, of IPv6 a /64, has at most app.MaxConnectionsPerAddress connections; other
// addresses are not affected.
func TestConnectionsOfOneAddress(t *testing.T) {
	opts := stage.App(app.MaxConnectionsPerAddress(2), app.TrustedProxies("127.0.0.1"))
	ways(t, []stage.Option{opts}, func(_ *testing.T, d *way) {
		for _, of := range [][2]string{{"203.0.113.5", "203.0.113.5"}, {"2001:db8:0:7::1", "2001:db8:0:7:ffff::2"}} {
			one, two := client(of[0]), client(of[1])
			first := d.want(one)
			d.want(two)
			d.refused(http.StatusTooManyRequests, tooMany, one)
			d.refused(http.StatusTooManyRequests, tooMany, client("198.51.100.7, "+of[1]))
			d.want(client("198.51.100.7")).leave()
			first.leave()
			d.eventually(two)
			d.refused(http.StatusTooManyRequests, tooMany, one)
		}
	})
}

// TestConnectionsOfOneAddressByDefault: the limit is 256, and does not apply to a proxy that is not configured.
func TestConnectionsOfOneAddressByDefault(t *testing.T) {
	ways(t, []stage.Option{stage.App(app.TrustedProxies("127.0.0.1"))}, func(_ *testing.T, d *way) {
		for range 256 {
			d.want(client("203.0.113.5"))
		}
		d.refused(http.StatusTooManyRequests, tooMany, client("203.0.113.5"))
		d.want(client("203.0.113.6"))
	}, plain)
	ways(t, nil, func(t *testing.T, d *way) {
		for range 260 {
			d.want(client("203.0.113.5"))
		}
		if n := strings.Count(d.Log.String(), `option="app.TrustedProxies(\"127.0.0.1\")"`); n != 1 {
			t.Errorf("%d lines name the option:\n%.2000s", n, d.Log)
		}
	}, plain)
	ways(t, []stage.Option{stage.App(app.TrustedProxies("192.0.2.1"), app.MaxConnectionsPerAddress(2))}, func(_ *testing.T, d *way) {
		d.want()
		d.want()
		d.refused(http.StatusTooManyRequests, tooMany) // 127.0.0.1 is not a proxy
	}, plain)
	ways(t, []stage.Option{stage.App(app.TrustedProxies("127.0.0.1"), app.MaxConnectionsPerAddress(-1), app.MaxConnections(-1))}, func(_ *testing.T, d *way) {
		for range 260 {
			d.want(client("203.0.113.5"))
		}
	}, plain)
}

// TestPlacesOfRefusedHandshakes: a handshake whose guard refuses, panics or takes too long, or whose client
// disconnects, keeps no place.
func TestPlacesOfRefusedHandshakes(t *testing.T) {
	var mode string
	waits := make(chan struct{}, 100)
	guard := pipeline.GuardFunc(func(ctx context.Context, c *pipeline.Call) error {
		if c.Kind != pipeline.KindHandshake && c.Kind != pipeline.KindConnect {
			return nil
		}
		switch c.Request.Header.Get("X-Mode") {
		case "refuse":
			return pipeline.ErrForbidden
		case "fail":
			return errors.New("no database")
		case "panic":
			list := make([]int, 1)
			list[len(list)]++
		case "wait":
			waits <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	brief := stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond, HandshakeTimeout: time.Second})
	opts := stage.App(app.MaxConnections(1), app.UseGuards(handshakes{guard}))
	ways(t, []stage.Option{brief, opts}, func(_ *testing.T, d *way) {
		for _, mode = range []string{"refuse", "fail", "panic", "wait", "refuse"} {
			d.Wait("the check before has returned, and its place", func() bool { // the handshake did not wait for a guard that took too long
				c := d.open("X-Mode: " + mode)
				defer c.leave()
				if c.Status < 400 {
					d.t.Fatalf("%s: answered %d %s", mode, c.Status, c.Body)
				}
				return !strings.Contains(c.Body, overloaded)
			})
		}
		for len(waits) > 0 {
			<-waits
		}
		raw := rawpeer.Upgrade(d.target, "X-Mode: wait")
		if d.polling {
			raw = rawpeer.Request(http.MethodGet, d.target, "X-Mode: wait") + "\r\n"
		}
		var abandoned *rawpeer.Peer
		d.Wait("the place is taken while the guard runs", func() bool { // the place of the handshake before is free after its answer only
			abandoned = rawpeer.Dial(d.t, d.Addr)
			abandoned.Write(raw)
			rejected := make(chan struct{})
			go func(p *rawpeer.Peer) {
				defer close(rejected)
				_, _ = p.TryAnswer()
			}(abandoned)
			select {
			case <-waits:
			case <-rejected:
				return false
			}
			c := d.open("X-Mode: refuse")
			defer c.leave()
			select {
			case <-rejected: // a busy machine: HandshakeTimeout was over
				return false
			default:
				return strings.Contains(c.Body, overloaded)
			}
		})
		abandoned.Reset()
		d.eventually().leave()
		d.eventually()
		d.refused(http.StatusServiceUnavailable, overloaded)
	})
}

// handshakes is a guard that runs on requests that open connections.
type handshakes struct{ pipeline.Guard }

func (h handshakes) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	return h.Check(ctx, c)
}

// TestPlaceOfAnUpgradedSession: a session that upgrades from polling to WebSocket counts as one connection
// throughout, and frees its place once.
func TestPlaceOfAnUpgradedSession(t *testing.T) {
	ways(t, []stage.Option{stage.App(app.MaxConnections(1))}, func(t *testing.T, d *way) {
		for range 3 {
			var s *rawpeer.Poller
			d.Wait("the place is free", func() bool {
				a := rawpeer.NewEngine(t, d.Addr)
				answer := a.Do(rawpeer.Request(http.MethodGet, d.target) + "\r\n")
				s = &rawpeer.Poller{Engine: a, SID: answer.Get("sid")}
				return answer.Status == http.StatusOK
			})
			up := s.Upgrade()
			rawpeer.Enter(t, up, "/", "")
			d.refused(http.StatusServiceUnavailable, overloaded)
			rawpeer.Echo(t, up, "still here")
			up.Reset()
		}
		d.eventually()
	}, polling, "zishang polling")
}

// TestConnectionsOfAllServers: MaxConnections counts the connections of all gateways on all ports, and of other
// servers that the application is mounted in.
func TestConnectionsOfAllServers(t *testing.T) {
	a := apptest.New(t, module.New("many", module.Exports(
		websockets.Gateway(newLobby, websockets.Via(ws.New(), websockets.Path("/ws")), websockets.Via(socketio.New())),
		websockets.Gateway(newOther, websockets.Via(ws.New(), websockets.Path("/own"), websockets.Addr("127.0.0.1:0"))),
	)), apptest.With(app.MaxConnections(3)))
	addr := strings.TrimPrefix(a.URL(), "http://")
	own := apptest.Get[*other](a).Server.Addr().String()
	rawpeer.Open(t, addr, "/ws")
	rawpeer.Open(t, own, "/own")
	rawpeer.NewEngine(t, addr).Poll()
	for _, at := range [][2]string{{addr, "/ws"}, {own, "/own"}, {addr, "/socket.io/?EIO=4&transport=websocket"}} {
		p := rawpeer.Dial(t, at[0])
		p.Write(rawpeer.Upgrade(at[1]))
		if got := p.Answer(); got.Status != http.StatusServiceUnavailable || !strings.Contains(got.Body, overloaded) {
			t.Errorf("%s was answered %d %s", at, got.Status, got.Body)
		}
	}
}

type lobby struct{}

func newLobby() *lobby { return &lobby{} }

func (*lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("address", address)}
}

type other struct {
	lobby

	Server *websockets.Server `websockets:"server"`
}

func newOther() *other { return &other{} }

func address(ctx context.Context, _ websockets.Payload) (string, error) {
	return websockets.RemoteAddr(websockets.ClientFrom(ctx)).String(), nil
}

// addressController answers requests with the client's address.
type addressController struct{}

func newAddressController() *addressController { return &addressController{} }

func (*addressController) Routes(r chi.Router) {
	// A middleware that overwrites RemoteAddr, like chi's RealIP, changes nothing.
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = "192.0.2.99:1"
			next.ServeHTTP(w, r)
		})
	})
	r.Get("/address", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, web.RemoteAddr(r))
	})
}

// TestOneClientAddress: controllers, handlers of gateways on every port, and mounted applications see the same
// address, in spite of middleware.
func TestOneClientAddress(t *testing.T) {
	a := apptest.New(t, module.New("address", module.Exports(
		web.Controller(newAddressController),
		websockets.Gateway(newLobby, websockets.Via(ws.New(), websockets.Path("/ws")), websockets.Via(socketio.New())),
		websockets.Gateway(newOther, websockets.Via(ws.New(), websockets.Path("/own"), websockets.Addr("127.0.0.1:0"))),
	)), apptest.With(app.TrustedProxies(netip.MustParsePrefix("127.0.0.0/8"))))
	const ip = "2001:db8::7"
	header := http.Header{"X-Forwarded-For": {"198.51.100.1, [" + ip + "]:443, 127.0.0.9"}}
	own := apptest.Get[*other](a).Server.Addr().String()
	for name, c := range map[string]*apptest.Client{
		"ws": a.DialWS("/ws", apptest.WithHeader(header)), "socketio": a.DialSocketIO("/", apptest.WithHeader(header)),
		"own port": apptest.DialWS(t, "http://"+own+"/own", apptest.WithHeader(header)),
	} {
		if got := apptest.Call[string](c, "address"); got != ip {
			t.Errorf("%s: the client is %s", name, got)
		}
	}
	p := rawpeer.Dial(t, a.URL())
	p.Write(rawpeer.Request(http.MethodGet, "/address", "X-Forwarded-For: "+header.Get("X-Forwarded-For")) + "\r\n")
	if got := p.Answer(); got.Body != ip {
		t.Errorf("a controller: the client is %s", got.Body)
	}
}

// TestTrustedProxiesAreChecked: an invalid address or prefix is an error of the start that names it.
func TestTrustedProxiesAreChecked(t *testing.T) {
	_, err := app.New(module.New("empty"), app.TrustedProxies("10.0.0.0/8", "proxy.internal"), app.TrustedProxies("10.0.0.0/99"))
	if err == nil || !strings.Contains(err.Error(), `: "proxy.internal" is neither`) || !strings.Contains(err.Error(), "10.0.0.0/99") {
		t.Errorf("got %v", err)
	}
	if err := app.Validate(module.New("empty"), app.TrustedProxies("localhost")); err == nil {
		t.Error("Validate does not find it")
	}
}

// TestField_X19_UnixSocket: Behind a proxy on a Unix socket every client has its own address, that of
// X-Forwarded-For, and its own bucket and limit of connections, without configuration.
func TestField_X19_UnixSocket(t *testing.T) {
	a, err := app.New(module.New("unix", module.Exports(web.Controller(newAddressController), websockets.Gateway(newLobby))),
		app.Mounted(), app.WebSockets(ws.New()), app.Logger(slog.New(slog.DiscardHandler)),
		app.MaxConnectionsPerAddress(1), app.UseGuards(ratelimit.Requests(0, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop(context.Background()) })
	path := filepath.Join(t.TempDir(), "s")
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: a.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	send := func(raw string) (net.Conn, *http.Response) {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = c.Write([]byte(raw))
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c, answer
	}
	for _, ip := range []string{"192.0.2.1", "192.0.2.2"} {
		for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
			_, answer := send(rawpeer.Request(http.MethodGet, "/address", "Connection: close", client("198.51.100.1, "+ip)) + "\r\n")
			body, _ := io.ReadAll(answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode != want || want == http.StatusOK && string(body) != ip {
				t.Errorf("%s: request %d was answered %d %s", ip, i, answer.StatusCode, body)
			}
		}
		for i, want := range []int{http.StatusSwitchingProtocols, http.StatusTooManyRequests} {
			_, answer := send(rawpeer.Upgrade("/", client("198.51.100.1, "+ip)))
			_ = answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s: handshake %d was answered %d", ip, i, answer.StatusCode)
			}
		}
	}
}
