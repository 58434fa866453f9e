package envelope_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// The trace context is field 30, which older nodes skip.
func TestTraceparent(t *testing.T) {
	batch := numbered(1, &backplane.Message{Kind: backplane.Event, Event: "e", Traceparent: traceparent})
	got, err := envelope.Append(nil, batch)
	want := "4748100000112233445566ff0101" + "3d" + "01" + "130165" + "1e37" + hex.EncodeToString([]byte(traceparent))
	if err != nil || hex.EncodeToString(got) != want {
		t.Fatalf("%v\n got %x\nwant %s", err, got, want)
	}
	back, err := envelope.Decode(got, envelope.Limits{})
	if err != nil || back[0].Traceparent != traceparent || back[0].Event != "e" {
		t.Errorf("%+v, %v", back, err)
	}
	if err := (envelope.Limits{}).Check(batch[0]); err != nil {
		t.Error(err)
	}
}

// A malformed one is left out by the receiver, and is an error where it is sent.
func TestMalformedTraceparent(t *testing.T) {
	for _, s := range []string{
		"x", traceparent[:54], traceparent + "0", strings.ToUpper(traceparent), "ff" + traceparent[2:], strings.Replace(traceparent, "-", "0", 1),
		"00-" + strings.Repeat("0", 32) + traceparent[35:], traceparent[:36] + strings.Repeat("0", 16) + "-01", traceparent[:54] + "g",
	} {
		m := numbered(1, &backplane.Message{Kind: backplane.Event, Event: "e", Traceparent: s})
		if err := (envelope.Limits{}).Check(m[0]); !errors.Is(err, envelope.ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
		frame, err := envelope.Append(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := envelope.Decode(frame, envelope.Limits{}); err != nil || len(back) != 1 || back[0].Event != "e" || back[0].Traceparent != "" {
			t.Errorf("%q: %+v, %v", s, back, err)
		}
	}
}
