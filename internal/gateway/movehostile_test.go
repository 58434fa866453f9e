package gateway

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Messages about moves that are malformed are refused, those of another node than the one that was asked are ignored, and what
// an answer can make a node hold is bounded.
func TestFault_F88_FalseMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		k, _ := newNodeRuntime(t, bus.Node())
		mv := newMoves(k.rt, bus.Node())
		k.rt.moves = mv
		key := k.endpoint().key[0]
		deliver := func(m *backplane.Message) error {
			m.Origin, m.Channel = liarID, backplane.ChannelNode(k.rt.node.ID)
			return k.rt.deliver(m, func() (*backplane.Message, error) { return m, nil })
		}
		const request = "0000000000000001"
		for what, m := range map[string]*backplane.Message{
			"no request":        {Kind: backplane.Claim},
			"no body":           {Kind: backplane.Claim, Request: request},
			"no endpoint":       {Kind: backplane.Claim, Request: request, Body: []byte(`{"key":"k","position":"1"}`)},
			"no key":            {Kind: backplane.Claim, Request: request, Body: []byte(`{"position":"1"}`), Select: backplane.Selection{Endpoints: []uint32{key}}},
			"a long key":        {Kind: backplane.Claim, Request: request, Body: []byte(`{"key":"` + strings.Repeat("k", 1000) + `"}`), Select: backplane.Selection{Endpoints: []uint32{key}}},
			"many identities":   {Kind: backplane.Claim, Request: request, Body: []byte(`{"key":"k","identities":["a"` + strings.Repeat(`,"a"`, 1000) + `]}`), Select: backplane.Selection{Endpoints: []uint32{key}}},
			"a park of none":    {Kind: backplane.Park, Request: request, Body: []byte(`{}`), Select: backplane.Selection{Endpoints: []uint32{key}}},
			"a park of all":     {Kind: backplane.Park, Request: request, Body: []byte(`{"key":"k"}`)},
			"wrong types":       {Kind: backplane.ClaimMore, Request: request, Body: []byte(`{"delivered":[1]}`)},
			"no JSON":           {Kind: backplane.ClaimMore, Request: request, Body: []byte(`{`)},
			"a negative number": {Kind: backplane.ClaimMore, Request: request, Body: []byte(`{"delivered":{"a":-1}}`)},
		} {
			if err := deliver(m); !errors.Is(err, envelope.ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, m := range map[string]*backplane.Message{
			"an unknown client":             {Kind: backplane.Claim, Request: request, Body: []byte(`{"key":"k","position":"1"}`), Select: backplane.Selection{Endpoints: []uint32{key}}},
			"a park of a stranger":          {Kind: backplane.Park, Request: request, Body: []byte(`{"key":"k"}`), Select: backplane.Selection{Endpoints: []uint32{key + 1}}},
			"a park that was not asked for": {Kind: backplane.Claim, Request: request, Body: []byte(`{"key":"k","park":true}`), Select: backplane.Selection{Endpoints: []uint32{key}}},
			"an unknown endpoint":           {Kind: backplane.Claim, Request: request, Body: []byte(`{"key":"k","position":"1"}`), Select: backplane.Selection{Endpoints: []uint32{key + 1}}},
			"an unknown request":            {Kind: backplane.ClaimMore, Request: request, Body: []byte(`{"delivered":{"a":18446744073709551615}}`)},
			"the end of none":               {Kind: backplane.ClaimDone, Request: request, Count: movedCount},
			"an answer to none":             {Kind: backplane.Claimed, Request: request, Body: []byte(`{"id":"x"}`)},
		} {
			if err := deliver(m); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		c := mv.newClaim([]string{liarID}, newRequest())
		event := func() *backplane.Message {
			return &backplane.Message{Kind: backplane.Claimed, Request: c.request, Event: "e", Payload: backplane.Payload{JSON: []byte(`"` + strings.Repeat("x", 1<<20) + `"`)}}
		}
		if err := deliver(event()); !errors.Is(err, envelope.ErrInvalid) {
			t.Errorf("an event that was not announced: %v", err)
		}
		for what, send := range map[string]func(){
			"too many events": func() {
				_ = deliver(&backplane.Message{Kind: backplane.Claimed, Request: c.request, Body: []byte(`{"id":"x"}`), Count: maxMissed + 1})
			},
			"too many bytes": func() {
				_ = deliver(&backplane.Message{Kind: backplane.Claimed, Request: c.request, Body: []byte(`{"id":"x"}`), Count: 100})
				for range 17 {
					_ = deliver(event())
				}
			},
			"two answers at once": func() {
				_ = deliver(&backplane.Message{Kind: backplane.Claimed, Request: c.request, Body: []byte(`{"id":"x"}`), Count: 2})
				_ = deliver(event())
				_ = deliver(&backplane.Message{Kind: backplane.Claimed, Request: c.request, Body: []byte(`{"id":"x"}`), Count: 2})
			},
		} {
			send()
			if a := testkit.Receive(t, what, c.answers); a.ID != "" || len(a.missed) > 0 {
				t.Errorf("%s: an answer with %d events", what, len(a.missed))
			}
			if n := mv.bytes.Load(); n != 0 {
				t.Errorf("%s: %d bytes are held", what, n)
			}
		}
		for range 20 { // more answers than were asked for
			_ = deliver(&backplane.Message{Kind: backplane.Claimed, Request: c.request, Body: []byte(`{"id":"x"}`), Count: 1})
			_ = deliver(event())
		}
		if n := mv.bytes.Load(); n > (maxRounds+2)<<20+1<<16 {
			t.Errorf("%d bytes are held", n)
		}
		c.remove()
		if n := mv.bytes.Load(); n != 0 || len(mv.claims) > 0 {
			t.Errorf("%d bytes are held at the end, by %d claims", n, len(mv.claims))
		}
		for i := range maxOrigins + 10 {
			mv.delivered.set(fmt.Sprint(i), 1)
		}
		if n := len(mv.delivered.by); n > maxOrigins {
			t.Errorf("%d origins are kept", n)
		}
		synctest.Wait()
		if mv.keeping != 0 || len(mv.releases) != 0 || mv.starting != 0 {
			t.Errorf("left: %d, %d, %d", mv.keeping, len(mv.releases), mv.starting)
		}
	})
}

// All nodes agree on the keeper of a client, whatever the order in which they know the nodes, and keep most keepers when one stops.
func TestRank(t *testing.T) {
	nodes := []string{"0011223344556677", "8899aabbccddeeff", "0123456789abcdef", "fedcba9876543210"}
	turned := slices.Clone(nodes)
	slices.Reverse(turned)
	of := map[string]int{}
	for i := range 4000 {
		key := fmt.Sprint("client ", i)
		ranked := rank(key, nodes)
		if !slices.Equal(ranked, rank(key, turned)) {
			t.Fatalf("%q: another order", key)
		}
		of[ranked[0]]++
		if left := rank(key, slices.DeleteFunc(slices.Clone(nodes), func(id string) bool { return id == ranked[1] })); left[0] != ranked[0] {
			t.Errorf("%q: another keeper without %s", key, ranked[1])
		}
	}
	for _, id := range nodes {
		if n := of[id]; n < 800 || n > 1200 {
			t.Errorf("%d of 4,000 clients at %s", n, id)
		}
	}
}

// FuzzMoves has no body of a message about a move panic, or be accepted with more than the limits.
func FuzzMoves(f *testing.F) {
	for _, seed := range []string{
		`{"key":"a1b2c3ABC","position":"z1","identities":["x"]}`, `{"id":"x","rooms":["a"],"delivered":{"0011223344556677":7},"shared":{"user":{"a":1}}}`,
		`{"moved":"0011223344556677"}`, `{"id":"x","present":[{"name":"n","room":"r","key":"k","value":1}]}`, `{"delivered":{}}`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m := &backplane.Message{Kind: backplane.Claimed, Body: body}
		var c claimBody
		if decodeMove(m, &c) == nil && c.check() == nil && (c.Key == "" || len(c.Key) > maxKey || len(c.Identities) > maxIdentities) {
			t.Errorf("%+v", c)
		}
		var a claimedBody
		if decodeMove(m, &a) == nil && a.check() == nil {
			if len(a.ID) > maxKey {
				t.Errorf("%+v", a)
			}
			encodeMove(a)
		}
		var more moreBody
		_ = decodeMove(m, &more)
	})
}

// The forms of the messages about moves are those that other nodes of this version read.
func TestMoveForms(t *testing.T) {
	for want, body := range map[string]any{
		`{"key":"a1b2c3K","position":"z1","identities":["d"]}`: claimBody{Key: "a1b2c3K", Position: "z1", Identities: []string{"d"}},
		`{"id":"x","rooms":["a"]}`:                             claimedBody{ID: "x", Rooms: []string{"a"}},
		`{"moved":"0011223344556677"}`:                         claimedBody{Moved: "0011223344556677"},
		`{"id":"x","delivered":{"0011223344556677":7},"shared":{"user":1},"present":[{"name":"n","room":"r","key":"k","value":1}]}`: claimedBody{
			ID: "x", Delivered: vector{"0011223344556677": 7}, Shared: map[string]json.RawMessage{"user": json.RawMessage("1")},
			Present: []movedEntry{{Name: "n", Room: "r", Key: "k", Value: json.RawMessage("1")}},
		},
		`{"key":"a1b2c3K","position":"","park":true}`: claimBody{Key: "a1b2c3K", Park: true},
		`{"key":"a1b2c3K"}`:                           parkBody{"a1b2c3K"},
		`{"id":"x","parked":{"identities":["d"],"positions":["1"],"left":7,"address":"::1","guessed":true}}`: claimedBody{
			ID: "x", Parked: &parkedBody{Identities: []string{"d"}, Positions: []string{"1"}, Left: 7, Address: "::1", Guessed: true},
		},
		`{"delivered":{"0011223344556677":7}}`: moreBody{vector{"0011223344556677": 7}},
		`{}`:                                   claimedBody{},
	} {
		if got := string(encodeMove(body)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	frame, err := envelope.Append(nil, []*backplane.Message{{
		Kind: backplane.Claim, Origin: liarID, Seq: 1, Request: "0000000000000001", To: "00000000000000aa",
		Select: backplane.Selection{Endpoints: []uint32{7}, Namespace: "/"}, Body: []byte("{}"),
	}})
	const want = "47481000" + "00000000000000fe" + "0101" + "22" + "15" + "010400000007" + "03012f" + "0d080000000000000001" + "0f0800000000000000aa" + "1b027b7d"
	if got := hex.EncodeToString(frame); err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}
