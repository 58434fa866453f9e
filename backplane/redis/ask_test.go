package redis

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// askNode asks a question, and returns how many requests were sent.
func askNode(b *bridge, kind backplane.Kind, id string, count uint32, servers map[string]int) int {
	return len(b.outgoing(nil, &backplane.Message{Kind: kind, Request: id, Event: "e", Count: count, Wait: time.Second, Select: backplane.Selection{Endpoints: []uint32{1, 2}}}, servers))
}

func respond(b *bridge, namespace, text string) {
	b.receive(rueidis.PubSubMessage{Channel: "socket.io-response#" + namespace + "#", Message: text})
}

// take returns what the framework has received since the last call: kind, number, ids or clients.
func (f *framework) take(t *testing.T) (all []string) {
	t.Helper()
	for _, m := range f.messages {
		if m.To != "1" || m.Channel != backplane.ChannelNode("1") || m.Origin != foreign || m.Seq != 0 {
			t.Errorf("%+v", m)
		}
		all = append(all, fmt.Sprint(m.Kind, " ", m.Count, " ", m.Select.IDs, string(m.Body), string(m.Payload.JSON)))
	}
	f.messages = nil
	return all
}

func expect(t *testing.T, what string, f *framework, want ...string) {
	t.Helper()
	if got := f.take(t); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// A question has the answers of all servers of all its namespaces, each once; the last one has the number of all clients.
func TestQuestions(t *testing.T) {
	b, f := newTestBridge()
	if n := askNode(b, backplane.Fetch, "a", 0, servers); n != 2 {
		t.Errorf("%d requests", n)
	}
	client := func(id string) string {
		return `{"requestId":"a","sockets":[{"id":"` + id + `","rooms":["b","` + id + `","a"],"data":{"n":1}}]}`
	}
	fetched := func(id, namespace string) string {
		return ` [][{"id":"` + id + `","platform":"socketio","namespace":"` + namespace + `","rooms":["a","b"],"shared":{"n":1}}]`
	}
	expect(t, "before an answer", f)
	respond(b, "/", client("x"))
	expect(t, "a server", f, "fetched 2147483647"+fetched("x", "/"))
	respond(b, "/a b", client("z"))
	respond(b, "/", strings.Replace(client("y"), `"a","sockets"`, `"another","sockets"`, 1))
	respond(b, "/", client("y"))
	expect(t, "all servers", f, "fetched 2147483647"+fetched("z", "/a b"), "fetched 3"+fetched("y", "/"))
	respond(b, "/", client("late"))
	expect(t, "more answers", f)

	askNode(b, backplane.Fetch, "a", onlyCount, servers)
	for range 2 {
		respond(b, "/", client("x"))
	}
	expect(t, "a number without a server", f)
	respond(b, "/a b", `{"requestId":"a","sockets":[]}`)
	expect(t, "a number", f, "fetched 2 []")

	askNode(b, backplane.Call, "a", 0, map[string]int{"/": 2})
	ack := "\x83\xa4type\x09\xa9requestId\xa1a\xa6packet\x07"
	respond(b, "/", ack)
	respond(b, "/", `{"type":8,"requestId":"a","clientCount":1}`)
	respond(b, "/", ack)
	respond(b, "/", ack)
	expect(t, "a server and its client", f, "call count 2147483647 [1]", "call answer 0 [1]7")
	respond(b, "/", `{"type":8,"requestId":"a","clientCount":100000}`)
	if f.invalid != 1 {
		t.Errorf("%d invalid, want that with too many clients", f.invalid)
	}
	respond(b, "/", `{"type":8,"requestId":"a","clientCount":1}`)
	respond(b, "/", `{"type":8,"requestId":"a","clientCount":1}`)
	respond(b, "/", ack)
	expect(t, "all", f, "call count 2 [2]", "call answer 0 [2]7")

	for kind, want := range map[backplane.Kind]string{backplane.Call: "call count 0 []", backplane.Fetch: "fetched 0 []"} {
		if n := askNode(b, kind, "a", 0, nil); n > 0 {
			t.Errorf("%d requests without a server", n)
		}
		expect(t, "without a server", f, want)
	}
	if len(b.questions) > 0 {
		t.Errorf("%d questions are kept", len(b.questions))
	}
}

// Questions that wait are bounded, and end.
func TestQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f := newTestBridge()
		for i := range maxQuestions + 10 {
			askNode(b, backplane.Fetch, fmt.Sprint(i), 0, servers)
		}
		if len(b.questions) != maxQuestions {
			t.Errorf("%d questions", len(b.questions))
		}
		<-time.After(3 * time.Second)
		askNode(b, backplane.Fetch, "last", 0, servers)
		if len(b.questions) != 1 {
			t.Errorf("%d questions after their time", len(b.questions))
		}
		respond(b, "/", `{"requestId":"5","sockets":[]}`)
		expect(t, "too late", f)
	})
}

// Gatehouse nodes do not read the requests of others of them.
func TestRequestsOfNodesAreSkipped(t *testing.T) {
	b, _ := newTestBridge()
	other, f := newTestBridge()
	for _, kind := range []backplane.Kind{backplane.Call, backplane.Fetch} {
		for _, p := range b.outgoing(nil, &backplane.Message{Kind: kind, Request: "a", Event: "e", Wait: time.Second}, servers) {
			if r, err := readRequest(p.bytes, "/"); err != nil || r.packet != nil || r.Opts != nil && r.Opts.Rooms != nil || r.RequestID != nil {
				t.Errorf("%+v, %v", r, err)
			}
			other.receive(rueidis.PubSubMessage{Channel: p.channel, Message: string(p.bytes)})
		}
	}
	if len(f.messages)+f.invalid > 0 {
		t.Errorf("%+v", f)
	}
	var text map[string]json.RawMessage
	q := b.outgoing(nil, &backplane.Message{Kind: backplane.Fetch, Request: "a", Select: backplane.Selection{Namespace: "/", Rooms: []string{"r"}, ExceptIDs: []string{"x"}}}, servers)
	if err := json.Unmarshal(q[0].bytes, &text); err != nil || string(text["opts"]) != `{"rooms":["r"],"except":["x"]}` || string(text["requestId"]) != `"a"` {
		t.Errorf("%s, %v", q[0].bytes, err)
	}
}
