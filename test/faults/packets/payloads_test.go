package packets_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// nested returns n arrays, or objects, one inside another.
func nested(n int, object bool) string {
	if object {
		return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n)
	}
	return strings.Repeat("[", n) + strings.Repeat("]", n)
}

// TestFault_F56_DeepJSON: JSON nested a hundred thousand deep ends a Socket.IO connection, and is reported as a bad
// message on plain WebSocket; JSON nested nearly 10,000 deep is handled, and returned unchanged.
func TestFault_F56_DeepJSON(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		for _, object := range []bool{false, true} {
			deep := nested(9_990, object)
			c.wantValue(t, "mirror", deep, deep)
			c.wantValue(t, "any", deep, deep) // decoded and encoded
			c.wantError(t, "post", `{"more":{"x":`+nested(9_990, object)+`},"to":5}`, "bad_payload")
		}
	})
	t.Run("too deep", func(t *testing.T) {
		harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
			for _, n := range []int{10_001, 100_000} {
				breaks(t, h, enter(t), `421["mirror",`+nested(n, false)+`]`)
				breaks(t, h, enter(t), `421["mirror",`+nested(n, true)+`]`)
			}
			breaks(t, h, enter(t), `42`+strings.Repeat("[", 900_000))
			breaks(t, h, enter(t), `431`+strings.Repeat("[", 900_000))
			breaks(t, h, enter(t), `42["mirror",`+strings.Repeat(`{"":`, 200_000))
			s := h.Engine(t).Poll()
			s.Post(`40` + strings.Repeat(`{"a":`, 100_000))
			wantBadSession(t, s)
		})
		harness.Plain(t, func(t *testing.T, h *harness.Harness) {
			p := h.Open(t)
			for _, text := range []string{
				`{"event":"mirror","data":` + nested(10_001, false) + `,"id":1}`, `{"event":"mirror","data":` + nested(100_000, true) + `}`,
				strings.Repeat("[", 900_000), strings.Repeat(`{"data":`, 100_000), `{"x":` + nested(100_000, false) + `,"event":"mirror"}`,
			} {
				p.Send(text)
				if got := p.Text(); !strings.Contains(got, `"code":"bad_message"`) {
					t.Errorf("%.40s: %.200s", text, got)
				}
			}
			rawpeer.EchoWS(t, p, "unharmed")
			p.Close()
		})
	})
}

// wantBadSession expects the session over polling to be closed.
func wantBadSession(t *testing.T, s *rawpeer.Poller) {
	t.Helper()
	if a := s.Get(); a.Status == 200 && a.Body != "1" {
		t.Errorf("the session is still open: %.100q", a.Body)
	}
}

// TestFault_F57_OddJSON: Duplicate names and numbers out of range are refused by handlers with a type, a name like
// __proto__ is an ordinary name, and NaN is not JSON.
func TestFault_F57_OddJSON(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		for _, payload := range []string{
			`{"to":"a","to":"b"}`, `{"to":"a","\u0074o":"b"}`, `{"to":"a","TO":"b"}`, `{"more":{"x":1,"x":2}}`, `{"stars":1e999}`, `{"stars":-1e999}`, `{"stars":"NaN"}`,
			`{"more":{"x":1e999}}`, `{"more":{"x":[{"a":1,"a":1}]}}`,
		} {
			c.wantError(t, "post", payload, "bad_payload")
		}
		for payload, want := range map[string]string{
			`{"__proto__":{"to":"x"},"constructor":1}`:      `{"to":"","stars":0,"more":{}}`,
			`{"more":{"__proto__":{"admin":true}}}`:         `{"to":"","stars":0,"more":{"__proto__":{"admin":true}}}`,
			`{"to":"\ud800"}`:                               `{"to":"` + "\ufffd" + `","stars":0,"more":{}}`,
			`{"stars":1e308}`:                               `{"to":"","stars":1e+308,"more":{}}`,
			`{"stars":5e-400}`:                              `{"to":"","stars":0,"more":{}}`,
			`{"stars":1` + strings.Repeat("0", 100) + `}`:   `{"to":"","stars":1e+100,"more":{}}`,
			`{"stars":0.` + strings.Repeat("3", 9000) + `}`: `{"to":"","stars":0.3333333333333333,"more":{}}`,
		} {
			c.wantValue(t, "post", payload, want)
		}
		for _, asIs := range []string{`{"a":1,"a":2}`, `1e999`, `{"__proto__":1}`, `"\u0000"`, strings.Repeat("9", 100_000)} { // not decoded
			c.wantValue(t, "mirror", asIs, asIs)
		}
		for i, none := range []string{`NaN`, `Infinity`, `-Infinity`, `undefined`, `0x10`, `01`, `1.`, `.5`, `+1`, `'a'`, "\"\n\"", `{a:1}`, `[1,]`, `{"a":1,}`, `/**/1`, `1_000`} {
			if c.p == nil {
				breaks(t, h, c.w, `421["mirror",`+none+`]`)
				if _, polls := c.w.(*rawpeer.Poller); polls {
					c.w = h.Enter(t)
				} else {
					c.w = h.EnterWS(t)
				}
				continue
			}
			c.p.Send(`{"event":"mirror","data":` + none + `,"id":` + strconv.Itoa(i) + `}`)
			if got := c.p.Text(); !strings.Contains(got, `"code":"bad_message"`) {
				t.Errorf("%s: %.200s", none, got)
			}
		}
	})
	t.Run("the envelope", func(t *testing.T) {
		harness.Plain(t, func(t *testing.T, h *harness.Harness) {
			p := h.Open(t)
			for _, text := range []string{
				`{"event":"echo","data":"a","data":"b","id":1}`, `{"event":"echo","event":"post"}`, `{"event":"echo","\u0065vent":"post"}`, `{"id":1,"id":2}`,
			} {
				p.Send(text)
				if got := p.Text(); !strings.Contains(got, `"code":"bad_message"`) || !strings.Contains(got, "twice") {
					t.Errorf("%s: %.200s", text, got)
				}
			}
			p.Send(`{"__proto__":{"event":"post"},"event":"echo","data":"x","id":1,"a":1,"a":2}`)
			p.Want(`{"id":1,"data":"x"}`)
			p.Close()
		})
	})
}

// TestFault_F58_MillionRooms: A client that joins a hundred and fifty thousand rooms, a million if FAULTS_LONG is
// set, is in a thousand of them at the end, by default, gets an error for each other one, and the refused names are
// not kept.
func TestFault_F58_MillionRooms(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		before := heap()
		rounds, each := 3, 50_000
		if os.Getenv("FAULTS_LONG") != "" {
			rounds = 20
		}
		for round := range rounds {
			names := make([]byte, 0, each*12)
			for i := range each {
				names = append(strconv.AppendInt(append(names, `,"r`...), int64(round*each+i), 10), '"')
			}
			names[0] = '['
			c.wantTooMany(t, string(append(names, ']')))
		}
		c.wantValue(t, "join", `["r0","r999"]`, `1000`)
		c.wantError(t, "join", `["r1000"]`, "rooms")
		if rise := heap() - before; rise > 8<<20 {
			t.Errorf("%d bytes for a thousand rooms", rise)
		}
		if n := h.Server.To("r999").Local().Len(); n != 1 {
			t.Errorf("%d clients in the last room, want 1", n)
		}
		if n := h.Server.To("r1000").Local().Len(); n != 0 {
			t.Errorf("%d clients in a room that was too many", n)
		}
	}, websockets.HideCauseData())
}

func (c *client) wantTooMany(t *testing.T, names string) {
	t.Helper()
	c.wantError(t, "join", names, "rooms")
}

// heap returns the live heap after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// oddNames are names of rooms with a meaning elsewhere.
var oddNames = []string{
	"", "#", "a#b", "a,b", "a/b", "/", "//", "../..", "*", "\x00", "a\x00b", "__proto__", " ", "a b", "\u2028", "ﬁ", "é", "e\u0301", `"`, `\`, "{room}", strings.Repeat("r", 1024),
}

// TestFault_F59_RoomNames: Rooms whose names are empty, have NUL, separators or patterns in them, or 1,024 bytes, are
// rooms like others: each reaches its members only, not those of a room with a similar name. Longer names are
// refused.
func TestFault_F59_RoomNames(t *testing.T) {
	everywhere(t, func(t *testing.T, h *harness.Harness, c *client) {
		for i, name := range oddNames {
			quoted := strings.ReplaceAll(strconv.Quote(name), `\x00`, `\u0000`)
			c.wantValue(t, "join", "["+quoted+"]", strconv.Itoa(i+1))
			for _, other := range oddNames[i+1:] {
				if n := h.Server.To(other).Local().Len(); n != 0 {
					t.Errorf("a client in %.20q is in %.20q too", name, other)
				}
			}
			if err := h.Server.To(name).Emit(t.Context(), "news", i); err != nil {
				t.Fatal(err)
			}
			c.wantEvent(t, "news", strconv.Itoa(i))
		}
		for _, n := range []int{1025, 900_000} {
			c.wantError(t, "join", `["`+strings.Repeat("r", n)+`"]`, "room_name")
		}
		for self := range h.Server.To("a,b").Local().Clients() {
			if got := self.Rooms(); len(got) != len(oddNames) || !slices.Contains(got, "a\x00b") {
				t.Errorf("in %d rooms, want %d", len(got), len(oddNames))
			}
		}
	})
}

func (c *client) wantEvent(t *testing.T, event, payload string) {
	t.Helper()
	if c.p != nil {
		c.p.Want(fmt.Sprintf(`{"event":%q,"data":%s}`, event, payload))
	} else {
		rawpeer.WantPacket(t, c.w, fmt.Sprintf(`42[%q,%s]`, event, payload))
	}
}

// TestFault_F59_NamespaceNames: Namespaces with NUL, other slashes or a comma are unknown unless a pattern matches
// them, and one of more than 512 bytes ends the connection.
func TestFault_F59_NamespaceNames(t *testing.T) {
	h := harness.New(t, socketio.New(), websockets.Namespace("/"), websockets.Via(socketio.New()), websockets.Via(socketio.New(), websockets.Namespace("/rooms/{room}")))
	w := h.EnterWS(t)
	for _, name := range []string{"/#", "/a#b", "//", "/a/b", "/\x00", "/rooms", "/rooms/", "/rooms/a/b", "/ROOMS/a", "/rooms/a/", "/__proto__", "/*", "/" + strings.Repeat("n", 500)} {
		w.Send("40" + name + ",")
		if got := w.Read(); !strings.HasPrefix(got, "44"+name+`,{"message":"Invalid namespace"`) {
			t.Errorf("%q: %.200q", name, got)
		}
		rawpeer.Enter(t, w, "/rooms/a", "") // so that the refusals are not consecutive
		w.Send("41/rooms/a,")
		h.Left(t)
	}
	for _, name := range []string{"/rooms/#", "/rooms/a#b", "/rooms/\x00", "/rooms/__proto__", "/rooms/..", "/rooms/{room}", "/rooms/%2F", "/rooms/ é"} {
		rawpeer.Enter(t, w, name, "")
		w.Send("42" + name + `,7["echo","x"]`)
		w.Want("43" + name + `,7["x"]`)
		if n := h.Server.Of(name).Local().Len(); n != 1 {
			t.Errorf("%q: %d clients, want 1", name, n)
		}
		w.Send("41" + name + ",")
		h.Left(t)
	}
	w.Send("1")
	h.Left(t)
	for _, packet := range []string{"40/a,b,", "40/" + strings.Repeat("n", 512), "40/" + strings.Repeat("n", 900_000) + ",", "42/" + strings.Repeat("/", 900_000), "40/\xff,"} {
		s := h.Enter(t)
		if put(t, s, packet) {
			t.Errorf("%.40q was accepted", packet)
		}
		h.WantLeft(t, websockets.CauseParseError)
	}
}
