package redis

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// framework counts what a bridge passes to it.
type framework struct {
	messages []*backplane.Message
	invalid  int
}

func (f *framework) ReceiveFrame(string, []byte) bool { f.invalid++; return true }
func (f *framework) Receive(batch []*backplane.Message) int {
	f.messages = append(f.messages, batch...)
	return 0
}
func (*framework) NoNode(*backplane.Message) {}
func (*framework) Link(bool, bool, error)    {}

// servers are those of Node.
var servers = map[string]int{"/": 2, "/a b": 1}

func newTestBridge() (*bridge, *framework) {
	b, f := newBridge(DefaultKey), &framework{}
	b.in, b.self, b.uid = f, "1", ourUID+"1"
	b.setEndpoints([]backplane.Endpoint{
		{Key: 1, Platform: "socketio", Namespace: "/"}, {Key: 2, Platform: "socketio", Namespace: "/a b"}, {Key: 3, Platform: "ws", Path: "/"}, {Key: 4, Platform: "socketio"},
		{Key: 5, Platform: "socketio", Path: "/x", Namespace: "/"},
	})
	return b, f
}

// generator makes random messages.
type generator struct{ *rand.Rand }

func (g generator) text() string {
	pool := []string{"", "a", "room #*?[x]", "ü😀\u2028\x00", "__proto__", "constructor", "7", "length", strings.Repeat("x", 40), strings.Repeat("ö", 300), "toString", "\xff", "\xed\xa0\x80", "#", "/"}
	return pool[g.IntN(len(pool))]
}

func (g generator) texts() []string {
	var all []string
	for range g.IntN(4) {
		all = append(all, g.text())
	}
	return all
}

func (g generator) value(depth int) any {
	switch k := g.IntN(12); {
	case k < 2 && depth > 0:
		all := []any{}
		for range g.IntN(20) {
			all = append(all, g.value(depth-1))
		}
		return all
	case k < 4 && depth > 0:
		all := map[string]any{}
		for range g.IntN(20) {
			all[strings.ToValidUTF8(g.text(), "?")+strconv.Itoa(g.IntN(3))] = g.value(depth - 1)
		}
		return all
	case k < 6:
		return strings.ToValidUTF8(g.text(), "?")
	case k < 8:
		numbers := []any{0, -1, 127, 128, 255, 256, -32, -33, -128, -129, 65535, 65536, math.MaxInt32, math.MinInt32, math.MaxUint32, int64(math.MaxInt64), uint64(math.MaxUint64), int64(math.MinInt64), 0.1, 1e300, -1e-300, json.Number("1e999"), json.Number("-0")}
		return numbers[g.IntN(len(numbers))]
	case k < 9:
		return nil
	}
	return g.IntN(2) == 0
}

func (g generator) message() *backplane.Message {
	m := &backplane.Message{
		Kind: []backplane.Kind{
			backplane.Event, backplane.Event, backplane.Event, backplane.Join, backplane.Leave, backplane.Disconnect, backplane.NodeEvent, backplane.Call, backplane.Fetch,
		}[g.IntN(9)],
		Request: "00000000000000aa", Wait: time.Duration(g.IntN(5)) * time.Second,
		Event:  strings.ToValidUTF8(g.text(), "?"),
		Select: backplane.Selection{Rooms: g.texts(), IDs: g.texts(), ExceptRooms: g.texts(), ExceptIDs: g.texts()},
		Rooms:  g.texts(), Flags: backplane.Flags(g.IntN(4)),
	}
	if g.IntN(3) > 0 {
		m.Select.Endpoints = []uint32{1, 2, 3, 4}[:1+g.IntN(4)]
	}
	if g.IntN(5) > 0 {
		m.Payload.JSON, _ = json.Marshal(g.value(3))
		if m.Payload.Spread = m.Payload.JSON[0] == '['; g.IntN(4) == 0 && !m.Payload.Spread {
			m.Payload = backplane.Payload{JSON: []byte(`{"b":{"_placeholder":true,"num":0},"c":[{"_placeholder":true,"num":1}]}`), Attachments: [][]byte{{0, 255}, make([]byte, g.IntN(70_000))}}
		}
	}
	return m
}

// What Node receives, its adapter accepts: an error there would end its process. BRIDGE_CASES and
// BRIDGE_SEED: how many, and others.
func TestNodeAcceptsEverything(t *testing.T) {
	p := nodetest.StartProcess(t, "adapter.mjs", func([]byte) {})
	count, seed := number(t, "BRIDGE_CASES", 2000), number(t, "BRIDGE_SEED", 1)
	g := generator{rand.New(rand.NewPCG(uint64(seed), 1))}
	b, _ := newTestBridge()
	sent := 0
	for count > 0 {
		var lines []nodetest.Fields
		for range min(count, 200) {
			count--
			for _, x := range b.outgoing(nil, g.message(), servers) {
				namespace := "/"
				if strings.Contains(x.channel, "#/a b#") {
					namespace = "/a b"
				}
				lines = append(lines, nodetest.Fields{"channel": x.channel, "namespace": namespace, "bytes": x.bytes})
			}
		}
		sent += len(lines)
		var refused []string
		if err := json.Unmarshal(p.MustDo("accept", nodetest.Fields{"messages": lines}), &refused); err != nil {
			t.Fatal(err)
		}
		for _, r := range refused {
			t.Errorf("Node has refused %.2000s", r)
		}
	}
	if sent < 500 {
		t.Errorf("only %d messages were sent", sent)
	}
}

// What Node sends, a bridge reads as another server of Node does. BRIDGE_CASES and BRIDGE_SEED: as above.
func TestBridgeReadsWhatNodeSends(t *testing.T) {
	p := nodetest.StartProcess(t, "adapter.mjs", func([]byte) {})
	count, seed := number(t, "BRIDGE_CASES", 2000), number(t, "BRIDGE_SEED", 1)
	b, f := newTestBridge()
	events := 0
	for n := 0; n < count; n += 500 {
		var sent []struct {
			Channel, Event, Args string
			Bytes                []byte
			Rooms, Except        []string
		}
		if err := json.Unmarshal(p.MustDo("generate", nodetest.Fields{"count": 500, "seed": seed + n}), &sent); err != nil {
			t.Fatal(err)
		}
		for _, x := range sent {
			f.messages = nil
			b.receive(rueidis.PubSubMessage{Channel: x.Channel, Message: string(x.Bytes)})
			if f.invalid > 0 || len(f.messages) != 1 {
				t.Fatalf("%d messages, %d invalid, of %q on %q", len(f.messages), f.invalid, x.Bytes, x.Channel)
			}
			m := f.messages[0]
			if (m.Kind == backplane.Event) != (x.Args != "") {
				t.Fatalf("a message of kind %v of %q", m.Kind, x.Bytes)
			}
			if m.Kind != backplane.Event {
				continue
			}
			events++
			if got := argsOf(t, m.Payload); m.Event != x.Event || got != sorted(t, x.Args) || !slices.Equal(m.Select.Rooms, x.Rooms) || !slices.Equal(m.Select.ExceptRooms, x.Except) {
				t.Fatalf("%q %.3000s to %q except %q, want %q %.3000s to %q except %q", m.Event, got, m.Select.Rooms, m.Select.ExceptRooms, x.Event, sorted(t, x.Args), x.Rooms, x.Except)
			}
		}
	}
	if events < count/4 {
		t.Errorf("%d events only", events)
	}
}

// argsOf returns the arguments of an event as the test programs write them.
func argsOf(t *testing.T, p backplane.Payload) string {
	t.Helper()
	text := string(p.JSON)
	for i, a := range p.Attachments {
		text = strings.Replace(text, fmt.Sprintf(`{"_placeholder":true,"num":%d}`, i), `{"$binary":"`+base64.StdEncoding.EncodeToString(a)+`"}`, 1)
	}
	if !p.Spread {
		text = "[" + text + "]"
	}
	return sorted(t, text)
}

// sorted returns JSON in one form.
func sorted(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What a node sends to Node, a bridge reads as the same; of other Gatehouse nodes, it reads nothing.
func TestBridgeReadsWhatItSends(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(2, 3))}
	read := 0
	for range 2000 {
		b, _ := newTestBridge()
		b.uid, b.in = "Node12", &framework{}
		other, f := newTestBridge()
		m := g.message()
		all := b.outgoing(nil, m, servers)
		for _, p := range all {
			other.receive(rueidis.PubSubMessage{Channel: p.channel, Message: string(p.bytes)})
		}
		if m.Event == "" && (m.Kind == backplane.Event || m.Kind == backplane.NodeEvent || m.Kind == backplane.Call) {
			if len(f.messages) > 0 || f.invalid != len(all) {
				t.Fatalf("an event without a name: %d messages, %d invalid of %d", len(f.messages), f.invalid, len(all))
			}
			continue
		}
		if f.invalid > 0 || len(f.messages) != len(all) {
			t.Fatalf("%d messages of %d, %d invalid, of %+v", len(f.messages), len(all), f.invalid, m)
		}
		for _, got := range f.messages {
			read++
			event := m.Kind == backplane.Event || m.Kind == backplane.Call
			if got.Kind != m.Kind || event && (got.Event != m.Event || len(got.Payload.Attachments) != len(m.Payload.Attachments)) {
				t.Fatalf("%+v, want %+v", got, m)
			}
			if err := (envelope.Limits{}).Check(got); err != nil {
				t.Fatal(err)
			}
		}
		own, f := newTestBridge()
		for _, p := range own.outgoing(nil, m, servers) {
			own.receive(rueidis.PubSubMessage{Channel: p.channel, Message: string(p.bytes)})
		}
		if m.Kind != backplane.Call && m.Kind != backplane.Fetch && len(f.messages)+f.invalid > 0 {
			t.Fatalf("it reads what a Gatehouse node has sent: %+v", f)
		}
	}
	if read < 500 {
		t.Errorf("only %d messages were read", read)
	}
}

// What is over the limits of messages between nodes is refused, in JSON and in MessagePack.
func TestBridgeLimits(t *testing.T) {
	for name, request := range map[string]string{
		"many rooms":      `{"type":2,"rooms":[` + strings.Repeat(`"a",`, 100_000) + `"b"],"opts":{"rooms":[],"except":[]}}`,
		"a long room":     `{"type":3,"rooms":["` + strings.Repeat("a", 2000) + `"],"opts":{"rooms":[],"except":[]}}`,
		"a long event":    `{"type":6,"data":["` + strings.Repeat("a", 2000) + `"]}`,
		"a long room too": `{"type":5,"requestId":"a","opts":{"rooms":["` + strings.Repeat("a", 2000) + `"],"except":[]}}`,
		"no array":        `{"type":2,"rooms":{"a":1},"opts":{"rooms":[],"except":[]}}`,
	} {
		b, f := newTestBridge()
		b.receive(rueidis.PubSubMessage{Channel: "socket.io-request#/#", Message: request})
		if f.invalid != 1 || len(f.messages) > 0 || len(b.requests) > 0 {
			t.Errorf("%s: %d invalid, %d messages, %d wait for an answer", name, f.invalid, len(f.messages), len(b.requests))
		}
	}
	sender, _ := newTestBridge()
	sender.uid = "Node12"
	m := &backplane.Message{Kind: backplane.Event, Event: "e", Select: backplane.Selection{Rooms: []string{strings.Repeat("a", 2000)}}}
	b, f := newTestBridge()
	for _, p := range sender.outgoing(nil, m, servers) {
		b.receive(rueidis.PubSubMessage{Channel: p.channel, Message: string(p.bytes)})
	}
	if f.invalid != 2 || len(f.messages) > 0 { // of two namespaces
		t.Errorf("a long room of an event: %d invalid, %d messages", f.invalid, len(f.messages))
	}
}

// nodeRequests are requests of Node, or nearly.
var nodeRequests = []string{
	`{"type":5,"requestId":"a"}`, `{"type":5,"requestId":"a","opts":{"rooms":[1,"a"],"except":[]}}`, `{"type":1,"requestId":"a"}`, `{"type":0,"requestId":"a","rooms":[]}`,
	`{"type":6,"data":["e"],"requestId":"a"}`, `{"type":2,"sid":"a","room":"b","requestId":"c"}`, `{"type":4,"opts":{"rooms":[{}]}}`, `{"type":6,"data":[1]}`, `{"type":6,"data":[]}`, `{`, ``, `x`,
	"\x85\xa3uid\xa1a\xa9requestId\xa1b\xa4type\x07\xa6packet\x83\xa4type\x02\xa4data\x91\xa1e\xa3nsp\xa1/\xa4opts\x83\xa5rooms\x90\xa6except\x90\xa5flags\x81\xa7timeout\xcd\x03\xe8",
}

// nodeResponses are answers of Node, or nearly.
var nodeResponses = []string{
	`{"requestId":"b","sockets":[{"id":"x","handshake":{},"rooms":["x","r",7],"data":{"a":1}},{"id":"y"}]}`, `{"requestId":"b","sockets":[]}`, `{"requestId":"b","sockets":{}}`,
	`{"type":8,"requestId":"a","clientCount":2}`, `{"type":8,"requestId":"a","clientCount":4294967295}`, `{"requestId":"b"}`, `{"type":6,"requestId":"b","data":null}`,
	"\x83\xa4type\x09\xa9requestId\xa1a\xa6packet\xc0", "\x83\xa4type\x09\xa9requestId\xa1a\xa6packet\x81\xa1b\xc4\x02\x00\xff", "\x83\xa4type\x09\xa9requestId\xa1a\xa6packet\xd4\x00\x00",
}

// Bytes from Node never panic, nor make messages without a namespace of this node.
func FuzzBridge(f *testing.F) {
	g := generator{rand.New(rand.NewPCG(4, 5))}
	sender, _ := newTestBridge()
	sender.uid = "Node12"
	for range 50 {
		for _, p := range sender.outgoing(nil, g.message(), servers) {
			f.Add(p.channel, p.bytes)
		}
	}
	for _, r := range nodeRequests {
		f.Add("socket.io-request#/#", []byte(r))
	}
	for _, r := range nodeResponses {
		f.Add("socket.io-response#/#", []byte(r))
		f.Add("socket.io-response#/#gatehouse-1#", []byte(r))
	}
	f.Fuzz(func(t *testing.T, channel string, text []byte) {
		b, in := newTestBridge()
		for request, kind := range map[string]backplane.Kind{"a": backplane.Call, "b": backplane.Fetch} {
			b.outgoing(nil, &backplane.Message{Kind: kind, Request: request, Event: "e", Wait: time.Second}, servers)
		}
		b.receive(rueidis.PubSubMessage{Channel: "socket.io-response#/#", Message: nodeResponses[3]})
		b.receive(rueidis.PubSubMessage{Channel: channel, Message: string(text)})
		for _, m := range in.messages {
			if err := (envelope.Limits{}).Check(m); err != nil {
				t.Fatal(err)
			}
			if m.Origin != foreign || m.To == "" && (m.Channel != backplane.ChannelEvents || len(m.Select.Endpoints) == 0) {
				t.Fatalf("%+v", m)
			}
			for _, kind := range []backplane.Kind{backplane.CallCount, backplane.CallAnswer, backplane.Fetched} {
				b.outgoing(nil, &backplane.Message{Kind: kind, To: foreign, Request: m.Request, Payload: m.Payload, Body: []byte(`[{"id":"a","rooms":["b"]}]`), Count: 1}, nil)
			}
		}
	})
}
