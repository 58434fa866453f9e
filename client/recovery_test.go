package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// feed sends numbers to the clients in a room, which are recovered.
type feed struct {
	Server *websockets.Server `websockets:"server"`
	left   chan websockets.Cause
}

func newFeed() *feed { return &feed{left: make(chan websockets.Cause, 1000)} }

// Identity is answered by the id and the rooms of the client.
var Identity = websockets.NewRequest[none, string]("identity")

func (*feed) HandleConnection(_ context.Context, c websockets.Client) error { return c.Join("all") }

func (g *feed) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	g.left <- r.Cause
}

func (*feed) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{Identity.On(func(ctx context.Context, _ none) (string, error) {
		c := websockets.ClientFrom(ctx)
		return fmt.Sprint(c.ID(), c.Rooms()), nil
	})}
}

// serveFeed starts an application with a feed at an address.
func serveFeed(t testing.TB, addr string, opts ...app.Option) (*app.App, *feed) {
	t.Helper()
	g := newFeed()
	m := module.New("feed", module.Providers(websockets.Gateway(func() *feed { return g },
		websockets.Via(ws.New(ws.Options{Recovery: &ws.Recovery{}}), websockets.Path("/feed")), websockets.Emits(Number))))
	a, err := app.New(m, append(opts, app.HTTP(addr), app.Logger(discard))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a, g
}

// emit sends numbers to all clients.
func (g *feed) emit(t testing.TB, from, end int) {
	t.Helper()
	for n := from; n < end; n++ {
		if err := Number.Emit(t.Context(), g.Server.To("all"), n); err != nil {
			t.Fatal(err)
		}
	}
}

// network makes connections to an address, which may change, and cuts them.
type network struct {
	mu    sync.Mutex
	to    string
	conns []net.Conn
}

func (n *network) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		n.mu.Lock()
		to := n.to
		n.mu.Unlock()
		var d net.Dialer
		c, err := d.DialContext(ctx, network, to)
		if err == nil {
			n.mu.Lock()
			n.conns = append(n.conns, c)
			n.mu.Unlock()
		}
		return c, err
	}}}
}

// move changes the address of the next connections.
func (n *network) move(to string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.to = to
}

// cut ends all connections without a close frame.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.conns = nil
}

// follower is a client of a feed, and what it has seen.
type follower struct {
	*client.Conn
	net     *network
	numbers chan int
	opens   chan bool // receives for each connection whether it is recovered
}

// follow connects a client to the feed of an application.
func follow(t testing.TB, a *app.App, o client.Options) *follower {
	t.Helper()
	f := &follower{net: &network{to: a.Addr().String()}, numbers: make(chan int, 10_000), opens: make(chan bool, 1000)}
	o.HTTPClient, o.FirstRetry, o.LongestRetry = f.net.client(), time.Millisecond, 50*time.Millisecond
	o.OnState = func(s client.State, _ error) {
		if s == client.Open {
			f.opens <- f.Recovered()
		}
	}
	f.Conn = prepare(t, "ws://feed/feed", o)
	client.On(f.Conn, Number, func(_ context.Context, n int) error { f.numbers <- n; return nil })
	connect(t, f.Conn)
	f.wantOpen(t, false)
	return f
}

func (f *follower) wantOpen(t testing.TB, recovered bool) {
	t.Helper()
	if got := testkit.Receive(t, "a connection", f.opens); got != recovered {
		t.Fatalf("recovered: %t, want %t", got, recovered)
	}
}

// wantNumbers receives the numbers from a first to before an end, in order.
func (f *follower) wantNumbers(t testing.TB, from, end int) {
	t.Helper()
	for n := from; n < end; n++ {
		if got := testkit.Receive(t, fmt.Sprint("number ", n), f.numbers); got != n {
			t.Fatalf("number %d, want %d", got, n)
		}
	}
}

func stopAtEnd(t testing.TB, a *app.App) { t.Cleanup(func() { stop(t, a) }) }

// A client whose connection is lost is the same one on the next: it receives each event once and in order.
func TestRecovery(t *testing.T) {
	a, g := serveFeed(t, "127.0.0.1:0")
	stopAtEnd(t, a)
	f := follow(t, a, client.Options{})
	who := call(t, f.Conn, Identity, none{})
	const rounds, each = 20, 50
	for i := range rounds {
		first := i * each
		g.emit(t, first, first+each/2)
		if i%2 == 0 { // else events are lost on their way
			f.wantNumbers(t, first, first+each/2)
		}
		f.net.cut()
		g.emit(t, first+each/2, first+each)
		if i%2 == 0 {
			first += each / 2
		}
		f.wantOpen(t, true)
		f.wantNumbers(t, first, (i+1)*each)
		if got := call(t, f.Conn, Identity, none{}); got != who {
			t.Fatalf("it is %s, and was %s", got, who)
		}
	}
	select {
	case n := <-f.numbers:
		t.Errorf("another event: %d", n)
	default:
	}
}

// An event that waits for room in the inbox when its connection is lost is received again, and once.
func TestRecoveryOfFullInbox(t *testing.T) {
	a, g := serveFeed(t, "127.0.0.1:0")
	stopAtEnd(t, a)
	const last = 40
	release, got := make(chan bool), make(chan int, 10*last)
	f := follow(t, a, client.Options{Limits: client.Limits{Events: 2}})
	client.On(f.Conn, Number, func(_ context.Context, n int) error {
		<-release
		got <- n
		return nil
	})
	g.emit(t, 0, last)
	testkit.Receive(t, "the first event", f.numbers)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Identity.Call(ctx, f.Conn, none{})
	wantErrors(t, err, client.ErrUnanswered, context.DeadlineExceeded) // the answer is behind events that have no room
	f.net.cut()
	if err := f.Emit(t.Context(), "nothing", none{}); err != nil { // by which it is noticed
		t.Fatal(err)
	}
	f.wantOpen(t, true)
	close(release)
	for n := range last {
		if g := testkit.Receive(t, "an event", got); g != n {
			t.Fatalf("event %d, want %d", g, n)
		}
	}
	call(t, f.Conn, Identity, none{})
	if len(got) > 0 {
		t.Errorf("another event: %d", <-got)
	}
}

// A server that has restarted knows no client: each is a new one, and goes on from there.
func TestRecoveryAfterRestart(t *testing.T) {
	addr := testkit.FreeAddress(t)
	a, g := serveFeed(t, addr)
	f := follow(t, a, client.Options{})
	who := call(t, f.Conn, Identity, none{})
	g.emit(t, 0, 3)
	f.wantNumbers(t, 0, 3)
	stop(t, a)
	a, g = serveFeed(t, addr)
	stopAtEnd(t, a)
	f.wantOpen(t, false)
	if got := call(t, f.Conn, Identity, none{}); got == who {
		t.Errorf("it is %s, as before the restart", got)
	}
	g.emit(t, 10, 12)
	f.wantNumbers(t, 10, 12)
	f.net.cut()
	g.emit(t, 12, 14)
	f.wantOpen(t, true)
	f.wantNumbers(t, 12, 14)
}

// nodes starts two applications on one backplane.
func nodes(t *testing.T) (apps [2]*app.App, feeds [2]*feed) {
	t.Helper()
	bus := memory.NewBus()
	for i := range apps {
		apps[i], feeds[i] = serveFeed(t, "127.0.0.1:0", app.Backplane(bus.Node(), backplane.Beats(500*time.Millisecond, time.Minute)))
		stopAtEnd(t, apps[i])
	}
	for _, g := range feeds {
		eventually(t, "the nodes know each other", func() bool { return len(g.Server.Nodes()) == 2 })
	}
	return apps, feeds
}

// A client that connects to another node is the same one there: also when its node stops, which parks it.
func TestHandover(t *testing.T) {
	for name, stops := range map[string]bool{"cut": false, "stop": true} {
		t.Run(name, func(t *testing.T) {
			apps, feeds := nodes(t)
			f := follow(t, apps[0], client.Options{})
			who := call(t, f.Conn, Identity, none{})
			feeds[0].emit(t, 0, 3)
			f.wantNumbers(t, 0, 3)
			f.net.move(apps[1].Addr().String())
			if stops {
				stop(t, apps[0])
			} else {
				f.net.cut()
				if got := testkit.Receive(t, "the end at the first node", feeds[0].left); got != websockets.CauseMoved && got != websockets.CauseTransportClose {
					t.Errorf("it has left with %s", got)
				}
			}
			feeds[1].emit(t, 3, 6)
			f.wantOpen(t, true)
			feeds[1].emit(t, 6, 9)
			f.wantNumbers(t, 3, 9)
			if got := call(t, f.Conn, Identity, none{}); got != who {
				t.Errorf("it is %s, and was %s", got, who)
			}
		})
	}
}

// Requests are not kept: one that waits for its answer fails with the connection, and is not sent again.
func TestRecoveryOfRequests(t *testing.T) {
	k := newKitchen()
	m := module.New("kitchen", module.Providers(websockets.Gateway(func() *kitchen { return k },
		websockets.Via(ws.New(ws.Options{Recovery: &ws.Recovery{}}), websockets.Path("/feed")), websockets.Emits(Poked, Number, Confirm))))
	a, err := app.New(m, app.HTTP("127.0.0.1:0"), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopAtEnd(t, a)
	f := follow(t, a, client.Options{})
	var failed sync.WaitGroup
	failed.Go(func() {
		_, err := Hang.Call(t.Context(), f.Conn, none{})
		wantErrors(t, err, client.ErrDisconnected, client.ErrUnanswered)
	})
	failed.Go(func() {
		var items []int
		for n, err := range Count.Of(t.Context(), f.Conn, Range{From: 1}) {
			if err != nil {
				wantErrors(t, err, client.ErrDisconnected, client.ErrUnanswered)
				break
			}
			if items = append(items, n); n == 3 {
				f.net.cut()
			}
		}
		if !slices.Equal(items, []int{1, 2, 3}) {
			t.Errorf("items %v", items)
		}
	})
	testkit.Receive(t, "the request", k.hanging)
	f.wantOpen(t, true)
	failed.Wait()
	if got := call(t, f.Conn, Once, 1); got != 1 || len(k.hanging) > 0 {
		t.Errorf("once is %d, and %d requests were sent again", got, len(k.hanging))
	}
}
