package packet

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// message is a text message, or a binary one.
type message struct {
	data   string
	binary bool
}

func (m message) String() string {
	if m.binary {
		return "binary " + m.data
	}
	return m.data
}

// difference is one on purpose between this parser and socket.io-parser.
type difference struct {
	name    string
	reason  string
	example string // a text message; attachments that it announces follow
	applies func(h head) bool
}

// White space for JavaScript's Number, which makes 0 of it.
const jsSpace = `[\t\n\v\f\r \x{feff}\x{2028}\x{2029}\p{Zs}]`

var (
	headOf      = regexp.MustCompile(`(?s)^([0-4]|[56]([^-]*)-)(/[^,]*)?(?:,|$)?((?:[0-9]|` + jsSpace + `)*)(.*)$`)
	spaceFirst  = regexp.MustCompile(`^` + jsSpace)
	hasSpace    = regexp.MustCompile(jsSpace)
	plainCount  = regexp.MustCompile(`^[1-9][0-9]*$`)
	loneInName  = regexp.MustCompile(`(?i)^\[\s*"(?:[^"\\]|\\.)*\\ud[89a-f]`)
	lone        = regexp.MustCompile(`\\ud[89a-f]..`)
	deepNesting = regexp.MustCompile(`(?:[\[{]\s*){1000}`)
)

// head is a text message parsed as the reference parses it.
type head struct {
	whole, typ, count, nsp, id, json string
}

func parseHead(s string) head {
	h := head{whole: s}
	if m := headOf.FindStringSubmatch(s); m != nil {
		h.typ, h.count, h.nsp, h.id, h.json = m[1][:1], m[2], m[3], m[4], m[5]
	}
	return h
}

func (h head) isEvent() bool { return h.typ == "2" || h.typ == "5" }
func (h head) isAck() bool   { return h.typ == "3" || h.typ == "6" }

// pointsOnce reports whether each attachment has one placeholder.
func (h head) pointsOnce() bool {
	var nums []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if v["_placeholder"] == true {
				num, _ := v["num"].(json.Number)
				nums = append(nums, num.String())
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(h.json))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return false
	}
	walk(v)
	var want []string
	for i := 0; strconv.Itoa(i) != h.count; i++ {
		want = append(want, strconv.Itoa(i))
	}
	slices.Sort(nums)
	slices.Sort(want)
	return slices.Equal(nums, want)
}

var differences = []difference{
	{"type", "nothing and white space are no type; the reference reads them as 0, CONNECT", "",
		func(h head) bool { return h.whole == "" || spaceFirst.MatchString(h.whole) }},
	{"count", "a number of attachments has one spelling; the reference accepts all that JavaScript converts", `50x1-["e",` + placeholder0 + `]`,
		func(h head) bool { return (h.typ == "5" || h.typ == "6") && !plainCount.MatchString(h.count) }},
	{"space", "white space before the JSON is not of the format; the reference reads it as digits of an id", `2 ["e"]`,
		func(h head) bool { return hasSpace.MatchString(h.id) }},
	{"large id", "the reference answers an id over 2^53-1 under another", `29007199254740993["e"]`,
		func(h head) bool {
			n, err := strconv.ParseUint(h.id, 10, 64)
			return h.id != "" && (err != nil || n > MaxID)
		}},
	{"no payload", "the payload of events and acks is mandatory; the reference passes undefined to handlers", `2`,
		func(h head) bool { return (h.isEvent() || h.isAck()) && h.json == "" }},
	{"ack without id", "it can belong to nothing; the reference drops it later", `3[]`,
		func(h head) bool { return h.isAck() && h.id == "" }},
	{"id without event", "CONNECT and DISCONNECT are not answered by id; the reference ignores it", `01`,
		func(h head) bool { return (h.typ == "0" || h.typ == "1") && h.id != "" }},
	{"connect error", "only a server sends it; the reference's decoder serves both sides", `4{"message":"x"}`,
		func(h head) bool { return h.typ == "4" }},
	{"long namespace", "it is kept, and looked up", "0/" + strings.Repeat("n", maxNamespace),
		func(h head) bool { return len(h.nsp) > maxNamespace }},
	{"placeholders", "one for each attachment, by its plain number: no client sends another, two owners of the same bytes could change " +
		"them, and bytes without an owner are unused memory", `52-["e",` + placeholder0 + `,` + placeholder0 + `]`,
		func(h head) bool { return h.count != "" && !h.pointsOnce() }},
	{"depth", "what decodes the payload later would refuse it, or need a stack of that depth", `2["e",` + strings.Repeat("[", jsonscan.MaxDepth) + strings.Repeat("]", jsonscan.MaxDepth+1),
		func(h head) bool { return deepNesting.MatchString(h.json) }},
}

// loneSurrogate is the only difference between accepted packets.
var loneSurrogate = difference{"lone surrogate", "the name is a Go string, and so UTF-8: U+FFFD stands for it", `2["a\ud800"]`,
	func(h head) bool { return h.isEvent() && loneInName.MatchString(h.json) }}

// referenceCase is one sequence of messages, with what this parser decodes and how it would
// encode that itself.
type referenceCase struct {
	Messages []map[string][]byte `json:"messages"`
	Mine     any                 `json:"mine"`
	Again    []map[string][]byte `json:"again"`
}

func newReferenceCase(t *testing.T, messages []message) referenceCase {
	var c referenceCase
	d := JSON().NewDecoder(Limits{})
	var p *Packet
	var err error
	for _, m := range messages {
		kind := "text"
		if m.binary {
			kind = "binary"
		}
		c.Messages = append(c.Messages, map[string][]byte{kind: []byte(m.data)})
		switch {
		case err != nil:
		case m.binary:
			p, err = d.Binary([]byte(m.data))
		default:
			p, err = d.Text([]byte(m.data))
		}
	}
	switch {
	case err != nil:
		c.Mine = "refused"
	case p == nil:
		c.Mine = "pending"
	default:
		decoded := map[string]any{"type": int(p.Type), "nsp": p.Namespace}
		if p.HasID {
			decoded["id"] = p.ID
		}
		if p.Type == Event {
			decoded["event"] = p.Event
		}
		if len(p.Payload.JSON) > 0 {
			decoded["payload"] = p.Payload.JSON
		}
		if len(p.Payload.Attachments) > 0 {
			decoded["attachments"] = p.Payload.Attachments
		}
		c.Mine = decoded
		msg, _, attachments, err := JSON().Append(nil, p, Limits{})
		if err != nil {
			t.Errorf("%q does not encode: %v", messages, err)
		}
		c.Again = append(c.Again, map[string][]byte{"text": msg})
		for _, a := range attachments {
			c.Again = append(c.Again, map[string][]byte{"binary": a})
		}
	}
	return c
}

type verdict struct{ Theirs, Mine, Again string }

func judge(t *testing.T, p *nodetest.Process, cases [][]message) []verdict {
	t.Helper()
	requests := make([]referenceCase, len(cases))
	for i, c := range cases {
		requests[i] = newReferenceCase(t, c)
	}
	var verdicts []verdict
	if err := json.Unmarshal(p.MustDo("judge", nodetest.Fields{"cases": requests}), &verdicts); err != nil || len(verdicts) != len(cases) {
		t.Fatalf("%d verdicts for %d cases: %v", len(verdicts), len(cases), err)
	}
	return verdicts
}

// explain returns the name of the intended difference, or "".
func explain(messages []message, v verdict) string {
	for _, m := range messages {
		if m.binary {
			continue
		}
		h := parseHead(m.data)
		if v.Mine == "refused" {
			for _, d := range differences {
				if d.applies(h) {
					return d.name
				}
			}
		} else if v.Theirs != "refused" && v.Theirs != "pending" && v.Mine != "pending" && loneSurrogate.applies(h) &&
			lone.ReplaceAllString(v.Theirs, "\ufffd") == lone.ReplaceAllString(v.Mine, "\ufffd") {
			return loneSurrogate.name
		}
	}
	return ""
}

func startReference(t *testing.T) *nodetest.Process {
	return nodetest.StartProcess(t, "parser.mjs", func(line []byte) { t.Errorf("unexpected: %s", line) })
}

func TestDifferencesToReference(t *testing.T) {
	p := startReference(t)
	for _, d := range append(differences, loneSurrogate) {
		messages := []message{{data: d.example}}
		for range strings.Count(d.example, "_placeholder") {
			messages = append(messages, message{"x", true})
		}
		v := judge(t, p, [][]message{messages})[0]
		if v.Theirs == v.Mine || v.Theirs == "refused" || v.Theirs == "pending" {
			t.Errorf("%s: no difference any more: both %s", d.name, v.Mine)
		} else if got := explain(messages, v); got != d.name {
			t.Errorf("%s: explained by %q", d.name, got)
		}
	}
	for _, tt := range document {
		messages := []message{{data: tt.text}}
		for _, a := range tt.packet.Payload.Attachments {
			messages = append(messages, message{string(a), true})
		}
		if v := judge(t, p, [][]message{messages})[0]; v.Theirs != v.Mine || v.Mine == "refused" {
			t.Errorf("%s: %+v", tt.text, v)
		}
	}
}

// TestReference compares both parsers on packets, and on near-packets. PARSER_CASES and
// PARSER_SEED select more or other cases.
func TestReference(t *testing.T) {
	number := func(variable string, or uint64) uint64 {
		if s := os.Getenv(variable); s != "" {
			n, err := strconv.ParseUint(s, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		return or
	}
	count, seed := int(number("PARSER_CASES", 20_000)), number("PARSER_SEED", 1)
	t.Logf("PARSER_CASES=%d PARSER_SEED=%d", count, seed)
	p := startReference(t)
	g := generator{rand.New(rand.NewPCG(seed, 0))}
	seen := map[string]int{}
	for done, failed := 0, 0; done < count && failed < 10; {
		cases := make([][]message, min(1000, count-done))
		for i := range cases {
			cases[i] = g.messages()
		}
		done += len(cases)
		for i, v := range judge(t, p, cases) {
			outcome := "accepted by both"
			if v.Mine != v.Again {
				failed++
				t.Errorf("%+q\nmine         %.300s\nsent by mine %.300s", cases[i], v.Mine, v.Again)
			}
			switch {
			case v.Theirs != v.Mine:
				if outcome = explain(cases[i], v); outcome == "" {
					failed++
					t.Errorf("%+q\ntheirs %.300s\nmine   %.300s", cases[i], v.Theirs, v.Mine)
				}
			case v.Mine == "refused", v.Mine == "pending":
				outcome = v.Mine + " by both"
			}
			seen[outcome]++
		}
	}
	t.Log(seen)
	for _, outcome := range []string{"accepted by both", "refused by both"} {
		if seen[outcome] < count/5 {
			t.Errorf("only %d of %d cases are %s: the generator is of no use", seen[outcome], count, outcome)
		}
	}
}
