package envelope_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

const origin = "00112233445566ff"

// numbered sets origin, channel and numbers.
func numbered(first uint64, all ...*backplane.Message) []*backplane.Message {
	for i, m := range all {
		m.Origin, m.Channel = origin, backplane.ChannelEvents
		if m.Seq = first; first > 0 {
			m.Seq += uint64(i)
		}
	}
	return all
}

// full has every field.
func full() *backplane.Message {
	return &backplane.Message{
		Kind: backplane.Event, To: "8899aabbccddeeff", Request: "0000000000000001", Wait: 1500 * time.Millisecond,
		Select: backplane.Selection{
			Endpoints: []uint32{0x01020304, 0xfffefdfc}, Namespace: "/chat", Rooms: []string{"a", ""}, ExceptRooms: []string{"ü"},
			IDs: []string{"id"}, ExceptIDs: []string{"x", "y"},
		},
		Event:   "posted",
		Payload: backplane.Payload{JSON: []byte(`[{"_placeholder":true,"num":0},1]`), Attachments: [][]byte{{0, 1, 2}}, Spread: true},
		Flags:   (backplane.Volatile | backplane.Uncompressed | backplane.Durable).WithOverflow(2),
		Rooms:   []string{"r"}, Body: []byte(`{}`), Count: 7, Traceparent: traceparent,
	}
}

// The bytes on the wire never change: older nodes read them.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		name  string
		batch []*backplane.Message
		want  string
	}{
		{"an event to a room", numbered(300, &backplane.Message{
			Kind: backplane.Event, Select: backplane.Selection{Endpoints: []uint32{1}, Rooms: []string{"r"}}, Event: "e", Payload: backplane.Payload{JSON: []byte(`1`)},
		}), `
			4748 10 00 00112233445566ff ac02 01
			11 01
			01 04 00000001
			05 02 01 72
			13 01 65
			15 01 31`},
		{"all fields", numbered(1, full()), `
			4748 10 00 00112233445566ff 01 01
			b601 01
			01 08 01020304 fffefdfc
			03 05 2f63686174
			05 03 01 61 00
			07 03 02 c3bc
			09 03 02 6964
			0b 04 01 78 01 79
			0d 08 0000000000000001
			0f 08 8899aabbccddeeff
			10 02 dc0b
			11 01 2f
			13 06 706f73746564
			15 21 5b7b225f706c616365686f6c646572223a747275652c226e756d223a307d2c315d
			17 03 000102
			19 02 01 72
			1b 02 7b7d
			1c 01 07
			1e 37 ` + hex.EncodeToString([]byte(traceparent))},
		{"two messages of an emitter", []*backplane.Message{
			{Kind: backplane.Bye, Origin: backplane.Emitter}, {Kind: backplane.Beat, Origin: backplane.Emitter, Count: 1},
		}, `4748 10 00 0000000000000000 00 02  01 10  04 0f 1c 01 01`},
		{"no endpoints is not all endpoints", numbered(1, &backplane.Message{Kind: backplane.Event, Select: backplane.Selection{Endpoints: []uint32{}}}), `
			4748 10 00 00112233445566ff 01 01  03 01 01 00`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := envelope.Append(nil, c.batch)
			want := strings.Join(strings.Fields(c.want), "")
			if err != nil || hex.EncodeToString(got) != want {
				t.Fatalf("%v\n got %x\nwant %s", err, got, want)
			}
			back, err := envelope.Decode(got, envelope.Limits{})
			if err != nil || len(back) != len(c.batch) {
				t.Fatalf("%d messages, %v", len(back), err)
			}
			for i, m := range back {
				m.Channel = c.batch[i].Channel // not in the frame
				if !same(m, c.batch[i]) {
					t.Errorf("message %d\n got %+v\nwant %+v", i, *m, *c.batch[i])
				}
			}
		})
	}
}

// same compares messages; lists may be nil or empty, apart from Endpoints.
func same(a, b *backplane.Message) bool {
	norm := func(m backplane.Message) backplane.Message {
		for _, l := range []*[]string{&m.Rooms, &m.Select.Rooms, &m.Select.IDs, &m.Select.ExceptRooms, &m.Select.ExceptIDs} {
			if len(*l) == 0 {
				*l = nil
			}
		}
		if len(m.Payload.Attachments) == 0 {
			m.Payload.Attachments = nil
		}
		return m
	}
	return reflect.DeepEqual(norm(*a), norm(*b))
}

// frame returns a frame with one message of these bytes.
func frame(message string) []byte {
	raw, err := hex.DecodeString(strings.Join(strings.Fields(message), ""))
	if err != nil {
		panic(err) // a mistake of the test
	}
	head, _ := hex.DecodeString("4748100000112233445566ff0101")
	return append(append(head, byte(len(raw))), raw...)
}

func TestRefused(t *testing.T) {
	many := bytes.Repeat([]byte{0}, 5)
	for _, c := range []struct {
		name  string
		frame []byte
		want  error
	}{
		{"nothing", nil, envelope.ErrInvalid},
		{"another magic", []byte("HG\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x01"), envelope.ErrInvalid},
		{"major version 2", []byte("GH\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x01"), envelope.ErrUnknown},
		{"a flag", []byte("GH\x10\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x01"), envelope.ErrUnknown},
		{"more messages than bytes", []byte("GH\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x01\x01"), envelope.ErrInvalid},
		{"no message", []byte("GH\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00"), envelope.ErrInvalid},
		{"bytes after the last message", append(frame("01"), 0), envelope.ErrInvalid},
		{"an empty message", frame(""), envelope.ErrInvalid},
		{"numbers that overflow", []byte("GH\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01\x01"), envelope.ErrInvalid},
		{"field 0", frame("01 0000"), envelope.ErrInvalid},
		{"an unknown odd field", frame("01 1d00"), envelope.ErrUnknown},
		{"a field over the end", frame("01 1305"), envelope.ErrInvalid},
		{"fields that descend", frame("01 13 01 61 11 01 01"), envelope.ErrInvalid},
		{"a field twice", frame("01 13 01 61 13 01 61"), envelope.ErrInvalid},
		{"a name over the end", frame("01 05 02 05 61"), envelope.ErrInvalid},
		{"half an endpoint", frame("01 01 03 000000"), envelope.ErrInvalid},
		{"a short request", frame("01 0d 01 00"), envelope.ErrInvalid},
		{"an event that is not UTF-8", frame("01 13 01 ff"), envelope.ErrInvalid},
		{"a payload that is not JSON", frame("01 15 01 7b"), envelope.ErrInvalid},
		{"a payload that is not UTF-8", frame("01 15 03 22 ff 22"), envelope.ErrInvalid},
		{"an attachment without JSON", frame("01 17 01 00"), envelope.ErrInvalid},
		{"a time of a year", frame("01 10 06 ffffffffff01"), envelope.ErrInvalid},
		{"a name over the limit", frame("01 05 05 04 61616161"), envelope.ErrLimit},
		{"names over the limit", frame("01 05 05" + hex.EncodeToString(many)), envelope.ErrLimit},
		{"endpoints over the limit", frame("01 01 14" + strings.Repeat("00000000", 5)), envelope.ErrLimit},
		{"a namespace over the limit", frame("01 03 04 2f616161"), envelope.ErrLimit},
		{"an event over the limit", frame("01 13 03 616161"), envelope.ErrLimit},
		{"attachments over the limit", frame("01 15 01 31 1700 1700"), envelope.ErrLimit},
		{"a frame over the limit", make([]byte, 101), envelope.ErrLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := envelope.Decode(c.frame, envelope.Limits{Frame: 100, Attachments: 1, Names: 4, Name: 3, Event: 2})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// A message that is refused does not end the frame.
func TestNextAfterRefusedMessage(t *testing.T) {
	b, err := hex.DecodeString("47481000" + origin + "0102" + "03011d00" + "0101")
	if err != nil {
		t.Fatal(err)
	}
	var r envelope.Reader
	if err := r.Open(b, envelope.Limits{}); err != nil || r.Len() != 2 {
		t.Fatal(err, r.Len())
	}
	if ok, err := r.Next(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := r.Load(); !errors.Is(err, envelope.ErrUnknown) {
		t.Error(err)
	}
	if ok, err := r.Next(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if m, err := r.Load(); err != nil || m.Seq != 2 || m.Kind != backplane.Event {
		t.Error(m, err)
	}
	if ok, err := r.Next(); ok || err != nil {
		t.Error(ok, err)
	}
}

// A newer node may add fields with even tags, anywhere.
func TestUnknownEvenTags(t *testing.T) {
	all, err := envelope.Decode(frame("01 02 01 ff 05 02 01 72 08 00 12 01 00 13 01 65 1e 02 0000 fe 00"), envelope.Limits{})
	if err != nil || len(all) != 1 || all[0].Event != "e" || all[0].Select.Rooms[0] != "r" {
		t.Errorf("%+v, %v", all, err)
	}
	minor := frame("01 13 01 65")
	minor[2] = 0x17
	if all, err := envelope.Decode(minor, envelope.Limits{}); err != nil || all[0].Event != "e" {
		t.Errorf("a newer minor version: %v", err)
	}
}

// Head reads no more than the selection.
func TestHeadSkipsTheRest(t *testing.T) {
	var r envelope.Reader
	if err := r.Open(frame("01 05 02 01 72 13 01 ff"), envelope.Limits{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	m, err := r.Head()
	if err != nil || m.Select.Rooms[0] != "r" || m.Event != "" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := r.Load(); !errors.Is(err, envelope.ErrInvalid) {
		t.Errorf("the rest is not read: %v", err)
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, batch := range map[string][]*backplane.Message{
		"nothing":      nil,
		"no origin":    {{Kind: backplane.Bye}},
		"a wrong id":   numbered(1, &backplane.Message{Kind: backplane.Event, To: "me"}),
		"upper case":   numbered(1, &backplane.Message{Kind: backplane.Event, Request: "000000000000000A"}),
		"two origins":  {{Origin: origin}, {Origin: backplane.Emitter}},
		"a hole":       {{Origin: origin, Seq: 1}, {Origin: origin, Seq: 3}},
		"two channels": {{Origin: origin, Channel: "a"}, {Origin: origin, Channel: "b"}},
		"two nodes":    {{Origin: origin, To: origin}, {Origin: origin}},
	} {
		if b, err := envelope.Append([]byte("kept"), batch); !errors.Is(err, envelope.ErrInvalid) || string(b) != "kept" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
}

func TestSplit(t *testing.T) {
	m := func(channel string, seq uint64) *backplane.Message {
		return &backplane.Message{Origin: origin, Channel: channel, Seq: seq}
	}
	var got []int
	err := envelope.Split([]*backplane.Message{m("c", 0), m("c", 0), m("e", 1), m("e", 2), m("e", 4), m("n", 1)}, func(part []*backplane.Message) error {
		got = append(got, len(part))
		_, err := envelope.Append(nil, part)
		return err
	})
	if want := []int{2, 2, 1, 1}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("parts of %v, %v; want %v", got, err, want)
	}
}

// Limits.Check refuses what a receiver with the same limits refuses.
func TestCheck(t *testing.T) {
	l := envelope.Limits{Frame: 2000, Attachments: 1, Names: 4, Name: 3, Event: 2}
	for name, c := range map[string]struct {
		m    backplane.Message
		want error
	}{
		"fits":        {backplane.Message{Select: backplane.Selection{Namespace: "/ab", Rooms: []string{"abc"}, Endpoints: []uint32{1, 2}}, Rooms: []string{"a"}, Event: "ab"}, nil},
		"room":        {backplane.Message{Select: backplane.Selection{ExceptIDs: []string{"abcd"}}}, envelope.ErrLimit},
		"rooms":       {backplane.Message{Select: backplane.Selection{Rooms: []string{"a", "b"}, Endpoints: []uint32{1, 2}}, Rooms: []string{"a"}}, envelope.ErrLimit},
		"namespace":   {backplane.Message{Select: backplane.Selection{Namespace: "/abc"}}, envelope.ErrLimit},
		"event":       {backplane.Message{Event: "abc"}, envelope.ErrLimit},
		"event UTF-8": {backplane.Message{Event: "\xff"}, envelope.ErrInvalid},
		"attachments": {backplane.Message{Payload: backplane.Payload{JSON: []byte("1"), Attachments: [][]byte{{1}, {2}}}}, envelope.ErrLimit},
		"size":        {backplane.Message{Payload: backplane.Payload{JSON: bytes.Repeat([]byte("1"), 1950)}}, envelope.ErrLimit},
	} {
		if err := l.Check(&c.m); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		b, err := envelope.Append(nil, numbered(1, &c.m))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := envelope.Decode(b, l); c.want == nil && err != nil || c.want != nil && name != "size" && !errors.Is(err, c.want) {
			t.Errorf("%s: the receiver says %v, want %v", name, err, c.want)
		}
	}
}
