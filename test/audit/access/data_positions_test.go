package audit_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

// TestAudit_MsgpackValues: for any MessagePack from a client, including extensions, keys that are not text, numbers
// that JSON does not have and texts that are not UTF-8, no recipient with any parser is disconnected by the relayed
// message, and the server answers or disconnects that client.
func TestAudit_MsgpackValues(t *testing.T) {
	n := nodetest.Start(t)
	a := startRelay(t)
	r := newRecipients(n, a.URL())
	addr := strings.TrimPrefix(a.URL(), "http://")
	pack := func(s string) string { return string([]byte{0xa0 | byte(len(s))}) + s }
	event := func(name, value string) string {
		return "\x84" + pack("type") + "\x02" + pack("nsp") + pack("/") + pack("id") + "\x07" + pack("data") + "\x92" + pack(name) + value
	}
	holder := "\x82" + pack("_placeholder") + "\xc3" + pack("num")
	for name, value := range map[string]string{
		"undefined":         "\xd4\x00\x00",
		"array buffer":      "\xc7\x04\x00abcd",
		"date":              "\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x01",
		"date of 12":        "\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
		"unknown ext":       "\xd5\x2a\x01\x02",
		"fixext 16":         "\xd8\x05" + strings.Repeat("x", 16),
		"ext 0 of 0":        "\xc7\x00\x00",
		"bin":               "\xc4\x03abc",
		"empty bin":         "\xc4\x00",
		"bin 16":            "\xc5\x00\x03abc",
		"bin 32":            "\xc6\x00\x00\x00\x03abc",
		"number key":        "\x81\x01\x02",
		"null key":          "\x81\xc0\x02",
		"bool key":          "\x81\xc3\x02",
		"bin key":           "\x81\xc4\x01a\x02",
		"list key":          "\x81\x90\x02",
		"NaN":               "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01",
		"infinity":          "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
		"float32 NaN":       "\xca\x7f\xc0\x00\x00",
		"uint64":            "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
		"minus zero":        "\xcb\x80\x00\x00\x00\x00\x00\x00\x00",
		"twice":             "\x82" + pack("a") + "\x01" + pack("a") + "\x02",
		"not UTF-8":         "\xa2\xc3\x28",
		"not UTF-8 key":     "\x81\xa2\xc3\x28\x01",
		"proto":             "\x81" + pack("__proto__") + "\x81" + pack("type") + "\x09",
		"placeholder":       holder + "\x00",
		"placeholder float": holder + "\xcb\x00\x00\x00\x00\x00\x00\x00\x00",
		"placeholder bin":   holder + "\xc4\x01x",
		"with binary":       "\x92\xc4\x01x" + holder + "\x00",
		"with binary, 7":    "\x92" + holder + "\x07\xc4\x01x",
		"inside":            "\x83" + pack("_placeholder") + "\xc3" + pack("num") + "\x00" + pack("b") + "\xc4\x01x",
		"deep":              strings.Repeat("\x91", 9990) + "\x01",
		"deep with bin":     strings.Repeat("\x91", 9990) + "\xc4\x01x",
		"deep maps":         strings.Repeat("\x81\xa1a", 9990) + "\x01",
		"ends early":        "\x92\x01",
		"forged length":     "\xdd\xff\xff\xff\xff",
		"never used":        "\xc1",
	} {
		for _, as := range []string{"relay", "relay any", "relay text"} {
			if strings.HasPrefix(name, "deep") && name != "deep with bin" {
				continue // Node's JSON.stringify, which the test uses to compare, cannot nest that deep
			}
			e := rawpeer.NewEngine(t, addr)
			e.Target = packed
			s := e.WebSocket()
			s.Write(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpBinary, Payload: "\x82" + pack("type") + "\x00" + pack("nsp") + pack("/")}.Bytes())
			if got, err := s.Next(); err != nil || !strings.Contains(got.Payload, "sid") {
				t.Fatalf("entering: %v %v", got, err)
			}
			_ = s.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpBinary, Payload: event(as, value)}.Bytes())
			if _, err := s.Next(); rawpeer.IsTimeout(err) {
				t.Errorf("%s, %s: no answer", name, as)
			}
			s.Close()
			r.wantConnected(t, name+", "+as)
		}
	}
}

// TestAudit_LooksLikeBinaryEverywhere: with data that looks like the wire's own form of binary, with and without
// binary next to it, in answers, errors with details, calls of the server and their answers, and auth, npm's clients
// get what was sent or an error, and stay connected.
func TestAudit_LooksLikeBinaryEverywhere(t *testing.T) {
	n := nodetest.Start(t)
	a := startRelay(t)
	r := newRecipients(n, a.URL())
	like := func(num any) map[string]any { return map[string]any{"_placeholder": true, "num": num} }
	bytes := []byte{0, 1, 0xff}
	for name, v := range map[string]any{
		"alone":               like(0),
		"7":                   map[string]any{"a": like(7)},
		"true as 1":           map[string]any{"a": map[string]any{"_placeholder": 1, "num": 0}},
		"true-ish and binary": map[string]any{"a": map[string]any{"_placeholder": "yes", "num": 0}, "b": bytes},
		"in lists":            []any{[]any{like(0), like(1)}, "x"},
		"binary":              map[string]any{"a": bytes, "b": []any{bytes}},
		"text and binary":     map[string]any{"a": `{"_placeholder":true,"num":0}`, "b": bytes},
		"number":              map[string]any{"a": map[string]any{"num": 0}, "b": bytes},
	} {
		for client, c := range r.all {
			what := name + " of " + client
			for _, event := range []string{"answer", "answer any", "fail"} {
				if _, err := c.TryCall(event, v); err != nil {
					t.Errorf("%s, %s: %v", what, event, err)
				}
			}
			c.Answer("ask", v)
			if _, err := c.TryCall("ask back", v); err != nil {
				t.Errorf("%s, ask back: %v", what, err)
			}
			r.wantConnected(t, what)
			opts := nodetest.Opts{"auth": map[string]any{"v": v}, "transports": []string{"websocket"}}
			if client == "msgpack" {
				opts["path"], opts["parser"] = packed, "msgpack"
			}
			if !strings.Contains(name, "binary") && name != "number" {
				other, err := n.TrySocketIO(a.URL(), opts)
				if err != nil {
					t.Errorf("%s, auth: %v", what, err)
				} else {
					other.Disconnect()
				}
			}
		}
	}
}
