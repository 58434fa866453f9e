package msgpack

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
)

// refusals are inputs that this package rejects on purpose, by the error, and
// socket.io-msgpack-parser accepts.
var refusals = []struct{ name, err, reason, example string }{
	{"twice", "occurs twice in the packet", "which of the two counts would be chance", "\x83\xa4type\x00\xa3nsp\xa1/\xa4type\x00"},
	{"type of head", "of the packet: ", "type and id are sent as integers", "\x82\xa4type\xca\x00\x00\x00\x00\xa3nsp\xa1/"},
	{"key of head", "key of the packet: ", "keys of a packet are strings", "\x83\xa4type\x00\xa3nsp\xa1/\x05\x06"},
	{"connect error", "packet: CONNECT_ERROR", "only a server sends it; the reference's decoder serves both sides", "\x83\xa4type\x04\xa3nsp\xa1/\xa4data\x80"},
	{"namespace", "msgpack: namespace ", "it has the form of the protocol, as with the default parser", "\x82\xa4type\x00\xa3nsp\xa0"},
	{"long namespace", "packet: namespace is longer", "it is kept, and looked up", "\x82\xa4type\x00\xa3nsp\xda\x02\x01/" + strings.Repeat("n", 512)},
	{"id", "packet: id is over 2^53-1", "the reference answers it under another", "\x84\xa4type\x02\xa3nsp\xa1/\xa2id\xcf\x00\x20\x00\x00\x00\x00\x00\x01\xa4data\x91\xa1e"},
	{"ack without id", "packet: ACK without an id", "it can belong to nothing", "\x83\xa4type\x03\xa3nsp\xa1/\xa4data\x90"},
	{"id without event", "packet: CONNECT or DISCONNECT with an id", "they are not answered by id", "\x83\xa4type\x01\xa3nsp\xa1/\xa2id\x01"},
	{"binary connect", "only events and acks have binary", "the protocol has none elsewhere", "\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x81\xa1a\xc4\x01x"},
	{"event name", "packet: event name", "the reference leaves it to the server", event("\x91\xc0")},
	{"reserved", "packet: reserved event name", "the reference leaves it to the server", event("\x91\xa7connect")},
	{"many", "too many attachments", "memory", event("\xdc\x03\xea\xa1e" + strings.Repeat("\xc4\x00", 1001))},
	{"placeholder", "packet: the placeholders do not point", "the object could not be distinguished from a placeholder", argument("\x92\xc4\x01x\x82\xac_placeholder\xc3\xa3num\x00")},
	{"UTF-8", "a string is not UTF-8", "Go's strings and JSON are UTF-8", argument("\xa1\xff")},
	{"key", "key of a map is of type", "names of JSON are strings", argument("\x81\xc0\x01")},
	{"extension", "msgpack: extension of type", "its meaning is unknown", argument("\xd4\x05a")},
	{"timestamp", "msgpack: timestamp: ", "the reference does not know timestamps", argument("\xd4\xffa")},
	{"depth", "nested more than 10000 deep", "what decodes the payload would refuse it", argument(strings.Repeat("\x91", 9999) + "\x90")},
}

// readings are inputs that this package decodes differently on purpose.
var readings = []struct{ name, holds, reason, example string }{
	{"nil", "\xc0", "clients of other languages send nil for what is absent", "\x83\xa4type\x00\xa3nsp\xa1/\xa4data\xc0"},
	{"timestamp", "\xff", "the reference supports only its own dates", argument("\xd6\xff\x65\x92\x00\x80")},
	{"__proto__", "__proto__", "an ordinary name, but the reference sets the prototype", argument("\x81\xa9__proto__\x80")},
	{"large key", "\xcf", "the reference rounds integers over 2^53, also as keys", argument("\x81\xcf\x00\x20\x00\x00\x00\x00\x00\x01\x01")},
	{"twice a name", "\xd4\x00\x00", "JSON may have a name twice, and so the first of two values stays when the second is undefined", argument("\x82\xa1a\x01\xa1a\xd4\x00\x00")},
	{"large negative key", "\xd3", "the same", argument("\x81\xd3\x80\x20\x00\x00\x00\x00\x00\x01\x01")},
}

// verdict is the result of test/js/msgpack.mjs for a case.
type verdict struct {
	Theirs, Mine, Again string
	Sent                *struct {
		Base64 string `json:"$binary"`
	}
	err error
}

func judge(t *testing.T, p *nodetest.Process, messages []string) []verdict {
	t.Helper()
	type request struct {
		Message []byte `json:"message"`
		Mine    any    `json:"mine"`
		Again   []byte `json:"again"`
	}
	requests := make([]request, len(messages))
	errs := make([]error, len(messages))
	for i, msg := range messages {
		var pk *packet.Packet
		requests[i] = request{Message: []byte(msg), Mine: "refused"}
		if pk, errs[i] = decode(msg); errs[i] != nil {
			continue
		}
		decoded := map[string]any{"type": int(pk.Type), "nsp": pk.Namespace}
		if pk.HasID {
			decoded["id"] = pk.ID
		}
		if pk.Type == packet.Event {
			decoded["event"] = pk.Event
		}
		if len(pk.Payload.JSON) > 0 {
			decoded["payload"] = string(pk.Payload.JSON)
		}
		if len(pk.Payload.Attachments) > 0 {
			decoded["attachments"] = pk.Payload.Attachments
		}
		again, err := encode(*pk)
		if err != nil {
			t.Errorf("%.300q does not encode: %v", msg, err)
		}
		requests[i].Mine, requests[i].Again = decoded, []byte(again)
	}
	var verdicts []verdict
	if err := json.Unmarshal(p.MustDo("judge", nodetest.Fields{"cases": requests}), &verdicts); err != nil || len(verdicts) != len(messages) {
		t.Fatalf("%d verdicts for %d cases: %v", len(verdicts), len(messages), err)
	}
	for i := range verdicts {
		verdicts[i].err = errs[i]
	}
	return verdicts
}

// explain returns the name of the intended difference, or "".
func explain(msg string, v verdict) string {
	if v.err != nil {
		for _, r := range refusals {
			if strings.Contains(v.err.Error(), r.err) {
				return r.name
			}
		}
		return ""
	}
	for _, r := range readings {
		if strings.Contains(msg, r.holds) {
			return r.name
		}
	}
	return ""
}

func startReference(t *testing.T) *nodetest.Process {
	return nodetest.StartProcess(t, "msgpack.mjs", func(line []byte) { t.Errorf("unexpected: %s", line) })
}

func TestDifferencesToReference(t *testing.T) {
	p := startReference(t)
	for _, r := range refusals {
		v := judge(t, p, []string{r.example})[0]
		if v.err == nil || !strings.Contains(v.err.Error(), r.err) {
			t.Errorf("%s: %v", r.name, v.err)
		}
		if r.name != "depth" && v.Theirs == "refused" { // on a stack of usual size
			t.Errorf("%s: no difference any more", r.name)
		}
	}
	for _, r := range readings {
		v := judge(t, p, []string{r.example})[0]
		if v.err != nil || v.Theirs == v.Mine || !strings.Contains(r.example, r.holds) {
			t.Errorf("%s: no difference any more: %+v", r.name, v)
		}
	}
	for _, tt := range packets {
		if v := judge(t, p, []string{tt.msg})[0]; v.Theirs != v.Mine || v.Again != v.Mine || v.err != nil {
			t.Errorf("%q: %+v", tt.msg, v)
		}
	}
}

func number(t *testing.T, variable string, or uint64) uint64 {
	s := os.Getenv(variable)
	if s == "" {
		return or
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReference compares both parsers on packets, and on near-packets. PARSER_CASES and
// PARSER_SEED select more or other cases.
func TestReference(t *testing.T) {
	count, seed := int(number(t, "PARSER_CASES", 10_000)), number(t, "PARSER_SEED", 1)
	t.Logf("PARSER_CASES=%d PARSER_SEED=%d", count, seed)
	p := startReference(t)
	for _, kind := range []struct {
		name        string
		odd, damage int // percent
		expected    []string
	}{
		{"packets", 0, 0, []string{"accepted by both"}},
		{"odd", 3, 0, []string{"accepted by both", "nil", "key", "UTF-8", "extension", "reserved"}},
		{"damaged", 1, 60, []string{"accepted by both", "refused by both"}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, 0)), odd: kind.odd}
			seen := map[string]int{}
			for done, failed := 0, 0; done < count && failed < 10; {
				messages := make([]string, min(1000, count-done))
				for i := range messages {
					messages[i] = g.packet()
					for g.chance(kind.damage) {
						messages[i] = g.damage(messages[i])
					}
					// notepack.io fills the gigabytes that such a length claims.
					if _, err := decode(messages[i]); err != nil && strings.Contains(messages[i], "\xc9") {
						messages[i] = g.packet()
					}
				}
				done += len(messages)
				verdicts := judge(t, p, messages)
				for i, v := range verdicts {
					outcome := "accepted by both"
					switch {
					case v.Theirs == v.Mine && v.err != nil:
						outcome = "refused by both"
					case v.Theirs != v.Mine:
						outcome = explain(messages[i], v)
					}
					if seen[outcome]++; outcome == "" || kind.odd == 0 && outcome != "accepted by both" {
						failed++
						t.Errorf("%q\ntheirs %.300s\nmine   %.300s %v", messages[i], v.Theirs, v.Mine, v.err)
					}
					if v.Mine != v.Again && explain(messages[i], v) == "" {
						failed++
						t.Errorf("%q\nmine         %.300s\nsent by mine %.300s", messages[i], v.Mine, v.Again)
					}
				}
				if kind.odd == 0 {
					failed += sentByTheirs(t, p, verdicts)
				}
			}
			t.Log(seen)
			for _, outcome := range kind.expected {
				if seen[outcome] == 0 {
					t.Errorf("no case is %q: the generator is of no use", outcome)
				}
			}
		})
	}
}

// sentByTheirs decodes the packets of npm's encoder.
func sentByTheirs(t *testing.T, p *nodetest.Process, verdicts []verdict) (failed int) {
	messages := make([]string, len(verdicts))
	for i, v := range verdicts {
		if v.Sent == nil {
			return 0 // it has been refused, which has failed the test
		}
		msg, err := base64.StdEncoding.DecodeString(v.Sent.Base64)
		if err != nil {
			t.Fatal(err)
		}
		messages[i] = string(msg)
	}
	for i, v := range judge(t, p, messages) {
		if v.err != nil || v.Mine != verdicts[i].Mine {
			failed++
			t.Errorf("sent by theirs %.300q\nwas     %.300s\nis here %.300s %v", messages[i], verdicts[i].Mine, v.Mine, v.err)
		}
	}
	return failed
}
