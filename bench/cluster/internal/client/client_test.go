package client

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/bench/internal/hist"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnceCountsFromANumberOn(t *testing.T) {
	c := &Client{order: Once, next: -1, latency: new(hist.Histogram)}
	c.From(100)
	for _, msg := range []string{`{"t":1,"n":99}`, `{"t":1,"n":163}`, `{"t":1,"n":100}`, `{"t":1,"n":164}`} {
		if err := c.tick([]byte(msg), 2); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Got(); got != 3 {
		t.Errorf("%d counted, want 3", got)
	}
	if c.tick([]byte(`{"t":1,"n":163}`), 2) == nil {
		t.Error("a broadcast that arrives twice is no error")
	}
	c.From(0)
	if got := c.Got(); got != 0 {
		t.Errorf("%d counted after From", got)
	}
}

func TestAfterMark(t *testing.T) {
	c := &Client{order: Any, latency: new(hist.Histogram)}
	if _, ok := c.After(); ok {
		t.Error("something has arrived before Mark")
	}
	c.mark = 1000
	for _, one := range []struct {
		msg string
		now int64
	}{{`{"t":1000,"n":1}`, 1500}, {`{"t":1001,"n":2}`, 2000}, {`{"t":1002,"n":3}`, 3000}} {
		if err := c.tick([]byte(one.msg), one.now); err != nil {
			t.Fatal(err)
		}
	}
	if d, ok := c.After(); !ok || d.Microseconds() != 1000 {
		t.Errorf("%v %v", d, ok)
	}
}
