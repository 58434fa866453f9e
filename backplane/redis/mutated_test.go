package redis

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var mark = websockets.NewNodeEvent[int]("mark")

// marked is a gateway that reports the events for the nodes.
type marked struct {
	Server *websockets.Server `websockets:"server"`

	marks chan int
}

func (g *marked) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		mark.On(func(_ context.Context, n int) error { g.marks <- n; return nil }),
		websockets.On("echo", func(_ context.Context, n int) (int, error) { return n, nil }),
	}
}

// seed is a message of another server, and where it is sent.
type seed struct {
	channel string
	bytes   []byte
}

// mutate changes some bytes after the first keep, or the length.
func mutate(rnd *rand.Rand, b []byte, keep int) []byte {
	b = append([]byte(nil), b...)
	if len(b) <= keep {
		return b
	}
	for range 1 + rnd.IntN(4) {
		at := keep + rnd.IntN(len(b)-keep)
		switch rnd.IntN(6) {
		case 0:
			b[at] ^= 1 << rnd.IntN(8)
		case 1:
			b = append(b[:at:at], append(make([]byte, rnd.IntN(9)), b[at:]...)...)
		case 2:
			b = append(b[:at:at], b[min(len(b), at+1+rnd.IntN(9)):]...)
		default:
			b[at] = byte(rnd.IntN(256))
		}
		if len(b) <= keep {
			break
		}
	}
	return b
}

// classicSeeds are messages of Node: what its adapter and its emitter send.
func classicSeeds() (all []seed) {
	g := generator{rand.New(rand.NewPCG(22, 1))}
	sender, _ := newTestBridge()
	sender.uid = "Node12"
	for len(all) < 300 {
		for _, p := range sender.outgoing(nil, g.message(), nil) {
			if len(p.bytes) < 2000 {
				all = append(all, seed(p))
			}
		}
	}
	for _, r := range nodeRequests {
		for range 20 {
			all = append(all, seed{DefaultKey + "-request#/#", []byte(r)})
		}
	}
	return all
}

// nativeSeeds are frames of Gatehouse nodes, on each of the channels of one.
func nativeSeeds(t *testing.T, prefix, node string) (all []seed) {
	t.Helper()
	g := generator{rand.New(rand.NewPCG(22, 2))}
	kinds := []backplane.Kind{
		backplane.Event, backplane.Join, backplane.Leave, backplane.Call, backplane.CallCount, backplane.CallAnswer, backplane.Fetch, backplane.Fetched, backplane.NodeEvent,
		backplane.Hello, backplane.Beat, backplane.Bye, backplane.PresenceDelta, backplane.PresenceState, backplane.PresenceAsk,
	}
	channels := []string{backplane.ChannelEvents, backplane.ChannelNodes, backplane.ChannelPresence, backplane.ChannelNode(node)}
	for len(all) < 400 {
		m := g.message()
		m.Kind, m.Origin, m.Seq, m.Channel = kinds[g.IntN(len(kinds))], "00000000000000aa", uint64(g.IntN(100)), channels[g.IntN(len(channels))]
		m.Select.Endpoints, m.Request, m.Wait = nil, "00000000000000bb", time.Millisecond
		m.Body = []byte([]string{``, `[]`, `{}`, `{"name":"x","min":0,"max":0,"endpoints":{"1":"e"},"sent":9,"ask":true}`, `[{"id":"a","rooms":["b"]}]`}[g.IntN(5)])
		frame, err := envelope.Append(nil, []*backplane.Message{m})
		if err != nil {
			t.Fatal(err)
		}
		if len(frame) < 2000 {
			all = append(all, seed{prefix + ":" + m.Channel, frame})
		}
	}
	return all
}

// heap returns the bytes of the heap that are in use.
func heap() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestFault_F81_MutatedOnRedis: Something sends frames with changed bytes on the channels of the nodes, and on those of
// Socket.IO for Node: a node that runs panics at none, grows by at most 64 MiB, counts them, and goes on. MUTATED: how
// many of each, 4,000 otherwise.
func TestFault_F81_MutatedOnRedis(t *testing.T) {
	for name, engine := range map[string]func(...Option) backplane.Backplane{
		"native":    func(opts ...Option) backplane.Backplane { return Native(opts...) },
		"Socket.IO": func(opts ...Option) backplane.Backplane { return SocketIO(opts...) },
	} {
		t.Run(name, func(t *testing.T) { testMutated(t, engine, name == "Socket.IO") })
	}
}

func testMutated(t *testing.T, engine func(...Option) backplane.Backplane, classic bool) {
	t.Helper()
	server := redistest.Start(t)
	log := &testkit.Log{}
	g := &marked{marks: make(chan int, 2000)}
	a := apptest.New(t, module.New("marked", module.Providers(websockets.Gateway(func() *marked { return g }))), apptest.With(
		app.WebSockets(socketio.New()), app.Backplane(engine(Address(server.Address)), backplane.Beats(100*time.Millisecond, time.Minute)), app.Logger(log.Logger(slog.LevelInfo)),
	))
	for range 2 {
		go drain(enter(t, a)) // an event of a changed frame may be for all
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Address}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	publish := func(all []seed) {
		t.Helper()
		cmds := make([]rueidis.Completed, len(all))
		for i, s := range all {
			cmds[i] = client.B().Publish().Channel(s.channel).Message(rueidis.BinaryString(s.bytes)).Build()
		}
		for _, r := range client.DoMulti(t.Context(), cmds...) {
			if err := r.Error(); err != nil {
				t.Fatal(err)
			}
		}
	}
	seeds, keep := nativeSeeds(t, DefaultPrefix, a.App().Self().ID), 12
	if classic {
		seeds, keep = append(classicSeeds(), nativeSeeds(t, DefaultKey+keySuffix, a.App().Self().ID)[:100]...), 0
	}
	request := func() string { return "" }
	if classic {
		request = asks(t, g, client)
		for _, r := range nodeResponses {
			r = strings.NewReplacer(`"requestId":"a"`, `"requestId":"`+anyRequest+`"`, `"requestId":"b"`, `"requestId":"`+anyRequest+`"`, "requestId\xa1a", "requestId\xb0"+anyRequest).Replace(r)
			for range 20 {
				seeds = append(seeds, seed{DefaultKey + "-response#/#", []byte(r)})
			}
		}
	}
	rnd := rand.New(rand.NewPCG(22, 3))
	count, marks := number(t, "MUTATED", 4000), 0
	runtime.GC()
	before, most := heap(), 0
	const batch = 500
	for sent := 0; sent < count; sent += batch {
		all := make([]seed, batch)
		for i := range all {
			s := seeds[rnd.IntN(len(seeds))]
			text := s.bytes
			if classic {
				text = bytes.ReplaceAll(text, []byte(anyRequest), []byte(request()))
			}
			all[i] = seed{s.channel, mutate(rnd, text, keep)}
			if b := all[i].bytes; len(b) >= 12 && string(b[:2]) == "GH" { // of many nodes, so that none is muted
				binary.BigEndian.PutUint64(b[4:], uint64(0xaa00+rnd.IntN(4000)))
			}
		}
		publish(all)
		marks++
		publish([]seed{g.markFrom(t, marks, classic)})
		for got := 0; got != marks; {
			got = testkit.Receive(t, "the event that follows", g.marks)
		}
		most = max(most, heap()-before)
	}
	if s := a.App().Stats().Backplane; s.Invalid < uint64(count/10) || !s.Up {
		t.Errorf("%+v", s)
	} else {
		t.Logf("%d frames: %d invalid, %d unknown, %d received, heap %+d KiB at most, from %d KiB", count, s.Invalid, s.Unknown, s.Received, most>>10, before>>10)
	}
	if most > 64<<20 {
		t.Errorf("the heap has grown by %d MiB", most>>20)
	}
	if bad := log.Lines("panic"); len(bad) > 0 {
		t.Errorf("panics: %.3000q", bad)
	}
	c := a.DialSocketIO("/")
	if got := string(c.Call("echo", 7)); got != "7" {
		t.Errorf("echo: %s", got)
	}
	if err := g.Server.Emit(t.Context(), "still", 1); err != nil {
		t.Fatal(err)
	}
	c.ExpectMessage("still")
}

// anyRequest is replaced by the number of a question of the node.
const anyRequest = "qqqqqqqqqqqqqqqq"

var requestID = regexp.MustCompile(`requestId[^0-9a-f]*([0-9a-f]{16})`)

// asks has the node ask questions all the time, of a server of Node that does not answer. It returns a function that
// returns the number of the last one.
func asks(t *testing.T, g *marked, client rueidis.Client) func() string {
	t.Helper()
	var last atomic.Value
	last.Store(anyRequest)
	sub, release := client.Dedicate()
	t.Cleanup(release)
	sub.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) {
		if id := requestID.FindStringSubmatch(m.Message); id != nil {
			last.Store(id[1])
		}
	}})
	if err := sub.Do(t.Context(), sub.B().Subscribe().Channel(DefaultKey+"-request#/#").Build()).Error(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			for _, ask := range []func(context.Context){
				func(ctx context.Context) { _, _ = g.Server.To("none").Fetch(ctx) },
				func(ctx context.Context) { _, _ = g.Server.To("none").Count(ctx) },
				func(ctx context.Context) { _, _ = g.Server.To("none").Call(ctx, "e", 1) },
			} {
				short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				ask(short)
				cancel()
			}
		}
	})
	t.Cleanup(func() { cancel(); done.Wait() })
	return func() string { return last.Load().(string) }
}

// enter connects a client.
func enter(t *testing.T, a *apptest.App) *rawpeer.Peer {
	t.Helper()
	s := rawpeer.NewEngine(t, a.App().Addr().String()).WebSocket()
	rawpeer.Enter(t, s, "/", "")
	return s.Peer
}

// drain reads what a client receives until the connection ends.
func drain(p *rawpeer.Peer) {
	for {
		text, err := p.TryText()
		if err != nil {
			return
		}
		if text == "2" {
			_ = p.TrySend("3")
		}
	}
}

// markFrom returns an event for the nodes, of another server.
func (g *marked) markFrom(t *testing.T, n int, classic bool) seed {
	t.Helper()
	if classic {
		text, _ := json.Marshal(map[string]any{"uid": "Node12", "type": typeServerEmit, "data": []any{"mark", n}})
		return seed{DefaultKey + "-request#/#", text}
	}
	frame, err := envelope.Append(nil, []*backplane.Message{{
		Kind: backplane.NodeEvent, Origin: "00000000000000ff", Seq: uint64(n), Channel: backplane.ChannelEvents, Event: "mark", Payload: backplane.Payload{JSON: fmt.Append(nil, n)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return seed{DefaultPrefix + ":" + backplane.ChannelEvents, frame}
}
