package backplane_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
)

func TestKindString(t *testing.T) {
	for k, want := range map[backplane.Kind]string{
		backplane.Event: "event", backplane.Bye: "bye", backplane.NodeAnswer: "node answer", backplane.PresenceAsk: "presence ask", backplane.Claim: "claim", backplane.ClaimDone: "claim done", 0: "kind 0", 20: "kind 20", 255: "kind 255",
	} {
		if got := k.String(); got != want {
			t.Errorf("kind %d is %q, want %q", uint8(k), got, want)
		}
	}
}

func TestOverflowFlags(t *testing.T) {
	for policy := range uint8(4) {
		f := (backplane.Volatile | backplane.Durable).WithOverflow(3).WithOverflow(policy)
		if f.Overflow() != policy || f&^(3<<4) != backplane.Volatile|backplane.Durable {
			t.Errorf("policy %d: flags %b", policy, f)
		}
	}
}
