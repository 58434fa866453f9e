package gateway

import (
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestPendingCalls(t *testing.T) {
	var c pendingCalls
	w := make(clientCall, 1)
	one, err := c.add(w)
	if err != nil {
		t.Fatal(err)
	}
	two, _ := c.add(make(clientCall, 1))
	if got, known := c.take(one); got != pendingCall(w) || !known {
		t.Error("an answer is not for its call")
	}
	if _, known := c.take(one); known {
		t.Error("a second answer to one call is known")
	}
	c.remove(two)
	c.remove(two)
	if got, known := c.take(two); got != nil || !known {
		t.Error("a late answer is not known")
	}
	if _, known := c.take(two); known {
		t.Error("a second late answer is known")
	}
	for range maxCalls {
		if _, err := c.add(w); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.add(w); !errors.Is(err, websockets.ErrTooManyCalls) {
		t.Errorf("one call too many: %v", err)
	}
	if n := len(c.close()); n != maxCalls {
		t.Errorf("%d calls waited, want %d", n, maxCalls)
	}
	if _, err := c.add(w); !errors.Is(err, websockets.ErrClosed) {
		t.Errorf("a call after the end: %v", err)
	}
	if _, known := c.take(1 << 40); !known {
		t.Error("an answer after the end counts as an error of the client")
	}
}
