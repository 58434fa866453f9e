package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// testGateway is a gateway with the handlers and hooks of a test. A nil hook does nothing.
type testGateway struct {
	Server *websockets.Server `websockets:"server"`

	subs    []websockets.Subscription
	connect func(ctx context.Context, c websockets.Client) error
	leave   func(ctx context.Context, c websockets.Client, r websockets.Reason)
}

func (d *testGateway) Subscriptions() []websockets.Subscription { return d.subs }

func (d *testGateway) HandleConnection(ctx context.Context, c websockets.Client) error {
	if d.connect == nil {
		return nil
	}
	return d.connect(ctx, c)
}

func (d *testGateway) HandleDisconnect(ctx context.Context, c websockets.Client, r websockets.Reason) {
	if d.leave != nil {
		d.leave(ctx, c, r)
	}
}

// testRuntime is a runtime without a network: the test acts as the adapter. Tests run it in a
// bubble of testing/synctest.
type testRuntime struct {
	t   *testing.T
	rt  *Runtime
	log *testkit.Log
	ids int
}

type testAdapter struct{ traits adapter.Traits }

func (a testAdapter) Name() string           { return "test" }
func (a testAdapter) Traits() adapter.Traits { return a.traits }
func (a testAdapter) NewServer(adapter.ServerConfig) (adapter.Server, error) {
	return testServer{}, nil
}

type testServer struct{}

func (testServer) ServeHTTP(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
func (testServer) Native(string) any                                { return nil }
func (testServer) Close(context.Context) error                      { return nil }

// newTestRuntime opens an application with the gateway; it is stopped at the end of the test.
func newTestRuntime(t *testing.T, d *testGateway, opts ...websockets.Option) *testRuntime {
	t.Helper()
	return newTestRuntimeOf(t, []*testGateway{d}, opts...)
}

func newTestRuntimeOf(t *testing.T, gateways []*testGateway, opts ...websockets.Option) *testRuntime {
	t.Helper()
	return newObservedRuntime(t, nil, gateways, opts...)
}

func newObservedRuntime(t *testing.T, hooks []observe.Hooks, gateways []*testGateway, opts ...websockets.Option) *testRuntime {
	t.Helper()
	all := make([]any, len(gateways))
	for i, d := range gateways {
		all[i] = d
	}
	return newRuntimeOf(t, hooks, all, opts...)
}

// newRuntimeOf opens an application with gateways of any types.
func newRuntimeOf(t *testing.T, hooks []observe.Hooks, gateways []any, opts ...websockets.Option) *testRuntime {
	t.Helper()
	k := &testRuntime{t: t, log: &testkit.Log{}}
	log := slog.New(slog.NewTextHandler(k.log, nil))
	var gs []gatewayPlan
	for i, d := range gateways {
		name := fmt.Sprintf("gateway %d", i)
		gs = append(gs, gatewayPlan{name: name, short: name, typ: reflect.TypeOf(d), value: d, opts: options(opts...)})
	}
	cfg := Config{Adapter: testAdapter{adapter.Traits{DefaultPath: "/", Namespaces: true}}, HTTP: true, Observers: observers.New(hooks, log)}
	rt, err := bind(gs, cfg, pipe.Built{}, log)
	if err != nil {
		t.Fatal(err)
	}
	k.rt = rt
	rt.Open()
	t.Cleanup(k.stop)
	return k
}

func (k *testRuntime) stop() {
	if err := k.rt.Stop(context.Background()); err != nil {
		k.t.Errorf("stop: %v", err)
	}
}

func (k *testRuntime) endpoint() *endpoint { return k.rt.servers[0].endpoints[0] }

func (k *testRuntime) handshake(nsp string) *adapter.Handshake {
	return &adapter.Handshake{Handshake: websockets.Handshake{Request: httptest.NewRequest(http.MethodGet, "/", nil), Namespace: nsp}}
}

// dial connects a client and waits until its HandleConnection returns or blocks.
func (k *testRuntime) dial() *peer { return k.dialAt("/") }

func (k *testRuntime) dialAt(nsp string) *peer {
	k.t.Helper()
	k.ids++
	p := newPeer(fmt.Sprintf("peer-%d", k.ids))
	h := k.handshake(nsp)
	if err := k.endpoint().Admit(k.t.Context(), h); err != nil {
		k.t.Fatal(err)
	}
	p.is(k.endpoint().Connect(p, h))
	synctest.Wait()
	return p
}

// client is the peer as users see it.
func (p *peer) client() *session { return p.sess.(*session) }

// peer is a connection that records what is sent to it.
type peer struct {
	id    string
	sess  adapter.Session
	known chan struct{} // closed when sess is set

	mu     sync.Mutex
	sent   []string // event payload
	acks   []uint64 // asked for, in order
	closed *websockets.Reason
	emit   func(out *adapter.Outgoing, ack uint64) error // instead, when not nil
}

var _ adapter.Conn = (*peer)(nil)

func newPeer(id string) *peer { return &peer{id: id, known: make(chan struct{})} }

func (p *peer) is(s adapter.Session) {
	p.sess = s
	close(p.known)
}

func (p *peer) ID() string { return p.id }

func (p *peer) Emit(out *adapter.Outgoing, ack uint64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.emit != nil {
		return p.emit(out, ack)
	}
	payload, err := out.Payload(false)
	if err != nil {
		return err
	}
	p.sent = append(p.sent, strings.TrimSpace(out.Event+" "+string(payload.JSON)))
	if ack != 0 {
		p.acks = append(p.acks, ack)
	}
	return nil
}

func (p *peer) Reply(m *adapter.Message, out *adapter.Outgoing) error {
	payload, err := out.Payload(false)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, fmt.Sprintf("reply %v %s", m.Ref, payload.JSON))
	return nil
}

func (p *peer) Writable(context.Context) error { return nil }

func (p *peer) CloseConnection(r websockets.Reason) { p.Close(r) }

func (p *peer) Close(r websockets.Reason) {
	p.mu.Lock()
	first := p.closed == nil
	if first {
		p.closed = &r
	}
	p.mu.Unlock()
	if first {
		go func() {
			<-p.known
			p.sess.Closed(r)
		}()
	}
}

func (p *peer) State() adapter.ConnState { return adapter.ConnState{Transport: "test", Queued: 7} }

func (p *peer) Native() any { return p }

// got returns what was sent since the last call.
func (p *peer) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sent
	p.sent = nil
	return s
}

func (p *peer) want(t *testing.T, want ...string) {
	t.Helper()
	if got := p.got(); !slices.Equal(got, want) {
		t.Errorf("%s was sent %q, want %q", p.id, got, want)
	}
}

// answer answers the oldest open call of the peer.
func (p *peer) answer(t *testing.T, json string) {
	t.Helper()
	p.mu.Lock()
	if len(p.acks) == 0 {
		p.mu.Unlock()
		t.Fatalf("%s has not been asked", p.id)
	}
	ack := p.acks[0]
	p.acks = p.acks[1:]
	p.mu.Unlock()
	p.sess.Ack(ack, websockets.Payload{JSON: []byte(json)})
}

// ask sends a message that wants an answer.
func (p *peer) ask(event, json string) {
	start(p.sess.Receive(&adapter.Message{Event: event, Payload: websockets.Payload{JSON: []byte(json)}, Reply: true, Ref: event}))
}

func options(opts ...websockets.Option) []config.Option {
	out := make([]config.Option, len(opts))
	for i, o := range opts {
		out[i] = o
	}
	return out
}

// start starts the work of a message, as an adapter does that runs none itself.
func start(work adapter.Work) {
	if work != nil {
		work.Start()
	}
}
