package redis

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
)

func (b *bridge) send(channel, text string) {
	b.receive(rueidis.PubSubMessage{Channel: channel, Message: text})
}

func liveHeap() int {
	var m runtime.MemStats
	for range 2 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Requests of servers of Socket.IO on Node that wait for this node's answer keep their id alone: a thousand of a megabyte each
// take no gigabyte. One with a huge id, of a million arguments, or over the limit of a message is refused and counted.
func TestFault_F88_RequestsOfNode(t *testing.T) {
	b, f := newTestBridge()
	before := liveHeap()
	text := strings.Repeat("x", 1<<17)
	for i := range maxRequests + 10 {
		b.send("socket.io-request#/#", fmt.Sprintf(`{"uid":"abcdef","requestId":"%d","type":5,"opts":{"rooms":[],"except":[]},"data":["%s"]}`, i, text))
		if f.messages = nil; f.invalid > 0 || len(b.requests) > maxRequests {
			t.Fatalf("request %d: %d refused, %d wait", i, f.invalid, len(b.requests))
		}
	}
	if grown := liveHeap() - before; grown > maxRequests<<17/8 {
		t.Errorf("%d requests take %d bytes", len(b.requests), grown)
	}
	for id := range b.requests {
		b.requests[id].until = time.Time{} // they are over
	}
	for what, request := range map[string]string{
		"huge id":        fmt.Sprintf(`{"uid":"abcdef","requestId":"%s","type":5,"opts":{"rooms":[],"except":[]}}`, text),
		"no id":          `{"uid":"abcdef","type":5,"opts":{"rooms":[],"except":[]}}`,
		"many arguments": fmt.Sprintf(`{"uid":"abcdef","type":6,"data":["e",%s1]}`, strings.Repeat("1,", 1<<20)),
		"too long":       fmt.Sprintf(`{"uid":"abcdef","type":6,"data":["e"%s]}`, strings.Repeat(" ", maxMessage)),
	} {
		f.invalid = 0
		if b.send("socket.io-request#/#", request); f.invalid != 1 || len(f.messages) > 0 {
			t.Errorf("%s: refused %d times, %d messages", what, f.invalid, len(f.messages))
		}
	}
	b.send("socket.io-request#/#", fmt.Sprintf(`{"uid":"abcdef","type":6,"data":["e",%s1]}`, strings.Repeat("1,", 500)))
	if len(f.messages) != 1 || len(f.messages[0].Payload.JSON) != 1003 {
		t.Errorf("500 arguments: %d messages", len(f.messages))
	}
}

// What a server on Node asks for with members of wrong types is refused, and changes nothing.
func TestFault_F88_WrongTypesOfNode(t *testing.T) {
	b, f := newTestBridge()
	for _, request := range []string{
		`{"type":"2"}`, `{"type":2.5}`, `{"type":2,"opts":[],"rooms":["a"]}`, `{"type":2,"opts":{"rooms":"ab","except":[]},"rooms":["a"]}`,
		`{"type":2,"opts":{"rooms":[["a"]],"except":[]},"rooms":["a"]}`, `{"type":2,"opts":{"rooms":{"0":"a"}},"rooms":["a"]}`,
		`{"type":3,"opts":{"rooms":[true],"except":[]},"rooms":["a"]}`, `{"type":4,"opts":{"rooms":null,"except":[]}}`, `{"type":4,"opts":{"rooms":[],"except":[null]}}`,
		`{"type":4}`, `{"type":4,"opts":null}`, `{"type":5,"requestId":7,"opts":{"rooms":[],"except":[]}}`, `{"type":5,"requestId":null,"opts":{"rooms":[],"except":[]}}`,
		`{"type":6,"data":{}}`, `{"type":6,"data":[7]}`, `{"type":6,"data":[""]}`, `{"type":6}`, `{"type":7,"requestId":"a"}`, `{"uid":7,"type":4,"opts":{"rooms":[],"except":[]}}`,
		`{"type":2,"opts":{"rooms":[],"except":[]},"rooms":"ab"}`, `[]`, `"`, ``, `{`, "\x80", "\xdf\xff\xff\xff\xff", "\x81\xa4type\x07",
	} {
		f.invalid = 0
		if b.send("socket.io-request#/#", request); f.invalid != 1 || len(f.messages) > 0 || len(b.requests) > 0 {
			t.Errorf("%q: refused %d times, messages %+v, %d wait", request, f.invalid, f.messages, len(b.requests))
		}
		f.messages = nil
		clear(b.requests)
	}
}

// The answer to allRooms of tens of thousands of clients takes no minutes, in which nothing else would be sent.
func TestAllRoomsOfManyClients(t *testing.T) {
	b, f := newTestBridge()
	b.send("socket.io-request#/#", `{"uid":"abcdef","requestId":"r","type":1}`)
	if len(f.messages) != 1 {
		t.Fatalf("%d messages", len(f.messages))
	}
	const clients, perPart = 50_000, 1000
	var answers []publication
	for part := range clients / perPart {
		var some []fetchedClient
		for i := range perPart {
			id := fmt.Sprint("client ", part*perPart+i)
			some = append(some, fetchedClient{ID: id, Rooms: []string{"all", "room of " + id}})
		}
		body, err := json.Marshal(some)
		if err != nil {
			t.Fatal(err)
		}
		answers = b.answer(answers, &backplane.Message{Kind: backplane.Fetched, To: foreign, Request: f.messages[0].Request, Count: clients, Body: body})
	}
	var r struct{ Rooms []string }
	if len(answers) != 1 || json.Unmarshal(answers[0].bytes, &r) != nil || len(r.Rooms) != 2*clients+1 || !slices.Contains(r.Rooms, "all") {
		t.Errorf("%d answers with %d rooms", len(answers), len(r.Rooms))
	}
}

// Every answer has the member that Node waits for, also that of a node without clients: where it is missing in the
// last one, Node waits until its timeout.
func TestAnswersWithoutClients(t *testing.T) {
	for request, want := range map[string]string{
		`{"uid":"abcdef","requestId":"r","type":0}`:                                 `{"requestId":"r","sockets":[]}`,
		`{"uid":"abcdef","requestId":"r","type":1}`:                                 `{"requestId":"r","rooms":[]}`,
		`{"uid":"abcdef","requestId":"r","type":5,"opts":{"rooms":[],"except":[]}}`: `{"requestId":"r","sockets":[]}`,
		`{"uid":"abcdef","requestId":"r","type":6,"data":["e"]}`:                    `{"type":6,"requestId":"r","data":null}`,
	} {
		b, f := newTestBridge()
		b.send("socket.io-request#/#", request)
		if len(f.messages) == 0 {
			t.Fatalf("%s is not understood", request)
		}
		answers := b.answer(nil, &backplane.Message{Kind: backplane.Fetched, To: foreign, Request: f.messages[len(f.messages)-1].Request})
		if len(answers) != 1 || string(answers[0].bytes) != want {
			t.Errorf("%s is answered with %s, want %s", request, answers, want)
		}
	}
}
