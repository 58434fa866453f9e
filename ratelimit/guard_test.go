package ratelimit

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

var kinds = []pipeline.Kind{pipeline.KindHTTP, pipeline.KindConnect, pipeline.KindMessage}

func call(kind pipeline.Kind, remote string, size int) *pipeline.Call {
	return &pipeline.Call{Kind: kind, Request: &http.Request{RemoteAddr: remote}, Size: size}
}

// allowed counts the calls that the guard allows in a row, at most 1,000.
func allowed(t *testing.T, g pipeline.Guard, c *pipeline.Call) int {
	t.Helper()
	for n := range 1000 {
		if err := g.Check(t.Context(), c); err != nil {
			if e, ok := errors.AsType[*pipeline.Error](err); !ok || e.Code != CodeRateLimited || e.Status != 429 {
				t.Fatalf("rejected with %#v", err)
			}
			return n
		}
	}
	return 1000
}

// pass advances the clock of a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestKinds(t *testing.T) {
	for _, tt := range []struct {
		name  string
		guard func() pipeline.Guard
		kind  pipeline.Kind // the limited one
	}{
		{"Connections", func() pipeline.Guard { return Connections(1, 3) }, pipeline.KindConnect},
		{"Requests", func() pipeline.Guard { return Requests(1, 3) }, pipeline.KindHTTP},
		{"Messages", func() pipeline.Guard { return Messages(1, 3) }, pipeline.KindMessage},
		{"Bytes", func() pipeline.Guard { return Bytes(10, 30) }, pipeline.KindMessage},
	} {
		for _, kind := range kinds {
			want := 1000
			if kind == tt.kind {
				want = 3
			}
			synctest.Test(t, func(t *testing.T) {
				if got := allowed(t, tt.guard(), call(kind, "192.0.2.1:1", 10)); got != want {
					t.Errorf("%s allows %d calls of kind %s, want %d", tt.name, got, kind, want)
				}
			})
		}
	}
}

func TestBucketFillsAgain(t *testing.T) {
	for name, guard := range map[string]pipeline.Guard{
		"Connections": Connections(2, 4),
		"Requests":    Requests(2, 4),
		"Messages":    Messages(2, 4),
		"Bytes":       Bytes(20, 40),
		"By":          By(func(context.Context, *pipeline.Call) (string, bool) { return "all", true }, 2, 4),
	} {
		synctest.Test(t, func(t *testing.T) {
			kind := map[string]pipeline.Kind{"Connections": pipeline.KindConnect, "Requests": pipeline.KindHTTP}[name]
			if kind == "" {
				kind = pipeline.KindMessage
			}
			c := call(kind, "192.0.2.1:1", 10)
			for _, step := range []struct {
				pause time.Duration
				want  int
			}{{0, 4}, {0, 0}, {499 * time.Millisecond, 0}, {time.Millisecond, 1}, {time.Second, 2}, {time.Hour, 4}} {
				pass(step.pause)
				if got := allowed(t, guard, c); got != step.want {
					t.Errorf("%s allows %d after %v, want %d", name, got, step.pause, step.want)
				}
			}
		})
	}
}

// Rejected calls take no tokens.
func TestRejectedTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Connections(1, 1)
		c := call(pipeline.KindConnect, "192.0.2.1:1", 0)
		total := 0
		for range 100 {
			total += allowed(t, g, c)
			pass(100 * time.Millisecond)
		}
		if total != 10 { // 1 at once, and 9 in the 9.9 seconds after it
			t.Errorf("%d are allowed in 9.9 seconds", total)
		}
	})
}

func TestAddressesThatShareABucket(t *testing.T) {
	for _, tt := range []struct {
		a, b   string
		shared bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := Connections(1, 1)
			allowed(t, g, call(pipeline.KindConnect, tt.a, 0))
			if got := allowed(t, g, call(pipeline.KindConnect, tt.b, 0)); (got == 0) != tt.shared {
				t.Errorf("%s is allowed %d after %s", tt.b, got, tt.a)
			}
		})
	}
}

func TestGuardsAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := call(pipeline.KindMessage, "192.0.2.1:1", 1)
		for i, g := range []pipeline.Guard{Messages(1, 2), Messages(1, 2), Bytes(1, 2), Bytes(1, 2)} {
			if got := allowed(t, g, c); got != 2 {
				t.Errorf("guard %d allows %d", i, got)
			}
		}
	})
}

func TestClientsAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Messages(1, 2)
		store := new(pipeline.Values)
		for i, want := range []int{2, 0} { // two messages of one client
			c := call(pipeline.KindMessage, "192.0.2.1:1", 0)
			c.Store = store
			if got := allowed(t, g, c); got != want {
				t.Errorf("message %d: %d are allowed, want %d", i, got, want)
			}
		}
		if got := allowed(t, g, call(pipeline.KindMessage, "192.0.2.1:1", 0)); got != 2 {
			t.Errorf("another client of the address: %d are allowed", got)
		}
	})
}

func TestBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Bytes(100, 1000)
		store := new(pipeline.Values)
		check := func(size int) error {
			return g.Check(t.Context(), &pipeline.Call{Kind: pipeline.KindMessage, Size: size, Store: store})
		}
		tooLarge, ok := errors.AsType[*pipeline.Error](check(1001))
		if !ok || tooLarge.Header != nil || tooLarge.Details != nil {
			t.Errorf("larger than the burst: %#v", tooLarge)
		}
		if err := check(1000); err != nil {
			t.Errorf("the whole burst, after a rejected one: %v", err)
		}
		if err := check(0); err != nil {
			t.Errorf("no bytes: %v", err)
		}
		e, ok := errors.AsType[*pipeline.Error](check(250))
		if !ok || e.Details != (Details{3}) {
			t.Errorf("250 bytes at 100 a second: %#v", e)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		limit rate.Limit
		used  time.Duration // how long ago the bucket was emptied
		want  int
	}{
		{limit: 1, want: 1},
		{limit: 100, want: 1},
		{limit: rate.Every(10 * time.Second), want: 10},
		{limit: rate.Every(10 * time.Second), used: time.Millisecond, want: 10},
		{limit: rate.Every(10 * time.Second), used: 9 * time.Second, want: 1},
		{limit: rate.Every(10 * time.Second), used: 9999 * time.Millisecond, want: 1},
		{limit: 1. / 3, want: 3},
		{limit: rate.Every(7 * time.Second), used: 3500 * time.Millisecond, want: 4},
		{limit: 1e-12, want: math.MaxInt32},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := Requests(tt.limit, 1)
			c := call(pipeline.KindHTTP, "192.0.2.1:1", 0)
			allowed(t, g, c)
			pass(tt.used)
			e, ok := errors.AsType[*pipeline.Error](g.Check(t.Context(), c))
			if !ok || e.Details != (Details{tt.want}) {
				t.Fatalf("limit %v after %v: %#v, want %d", tt.limit, tt.used, e, tt.want)
			}
			if tt.want == math.MaxInt32 {
				return
			}
			pass(time.Duration(tt.want) * time.Second)
			if err := g.Check(t.Context(), c); err != nil {
				t.Errorf("limit %v: rejected after RetryAfter %d: %v", tt.limit, tt.want, err)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Requests(0.25, 1)
		c := call(pipeline.KindHTTP, "192.0.2.1:1", 0)
		allowed(t, g, c)
		e, ok := errors.AsType[*pipeline.Error](g.Check(t.Context(), c))
		if !ok {
			t.Fatal("allowed")
		}
		if e.Message != "Too many requests" || e.Code != "rate_limited" || e.Status != 429 ||
			!maps.EqualFunc(e.Header, http.Header{"Retry-After": {"4"}}, slices.Equal) || e.Details != (Details{RetryAfter: 4}) || e.Body != nil {
			t.Errorf("got %#v", e)
		}
		b, err := json.Marshal(e.Details)
		if err != nil || string(b) != `{"retryAfter":4}` {
			t.Errorf("details are %s, %v", b, err)
		}
	})
}

func TestUnusualLimits(t *testing.T) {
	for _, tt := range []struct {
		limit rate.Limit
		burst int
		want  int // at once
		later int // a day later
	}{
		{10, 0, 10, 10},
		{10, -1, 10, 10},
		{0.5, 0, 1, 1},
		{2.5, 0, 3, 3},
		{0, 5, 5, 0},
		{0, 0, 1, 0},
		{-1, 5, 5, 0},
		{rate.Limit(math.NaN()), 5, 5, 0},
		{rate.Limit(math.Inf(-1)), 5, 5, 0},
		{rate.Inf, 0, 1000, 1000},
		{rate.Limit(math.Inf(1)), 1, 1000, 1000},
		{1e18, 0, 1000, 1000},
	} {
		for name, g := range map[string]pipeline.Guard{
			"Connections": Connections(tt.limit, tt.burst), "Messages": Messages(tt.limit, tt.burst),
		} {
			synctest.Test(t, func(t *testing.T) {
				c := call(pipeline.KindMessage, "192.0.2.1:1", 0)
				if name == "Connections" {
					c.Kind = pipeline.KindConnect
				}
				if got := allowed(t, g, c); got != tt.want {
					t.Errorf("%s(%v, %d) allows %d, want %d", name, tt.limit, tt.burst, got, tt.want)
				}
				pass(24 * time.Hour)
				if got := allowed(t, g, c); got != tt.later {
					t.Errorf("%s(%v, %d) allows %d a day later, want %d", name, tt.limit, tt.burst, got, tt.later)
				}
			})
		}
	}
}

func TestBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := By(func(_ context.Context, c *pipeline.Call) (string, bool) {
			return c.Pattern, c.Pattern != "free"
		}, 1, 2)
		for i, tt := range []struct {
			pattern string
			want    int
		}{{"lobby", 2}, {"lobby", 0}, {"hall", 2}, {"", 2}, {"", 0}, {"free", 1000}} {
			if got := allowed(t, g, &pipeline.Call{Kind: kinds[i%3], Pattern: tt.pattern}); got != tt.want {
				t.Errorf("call %d, %q: %d are allowed, want %d", i, tt.pattern, got, tt.want)
			}
		}
	})
}

func TestByWithoutFunction(t *testing.T) {
	err := By(nil, 1, 1).Check(t.Context(), &pipeline.Call{})
	const want = "ratelimit: the key function of By is nil: pass one that returns the key of a call"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if e, ok := errors.AsType[*pipeline.Error](err); ok {
		t.Errorf("the client receives %v", e)
	}
}

// Many goroutines share one bucket: exactly as many calls are allowed as it has tokens.
func TestConcurrently(t *testing.T) {
	store := new(pipeline.Values)
	for name, tt := range map[string]struct {
		guard pipeline.Guard
		kind  pipeline.Kind
	}{
		"Connections": {Connections(0, 500, MaxKeys(50)), pipeline.KindConnect},
		"Requests":    {Requests(0, 500), pipeline.KindHTTP},
		"Messages":    {Messages(0, 500), pipeline.KindMessage},
		"Bytes":       {Bytes(0, 500), pipeline.KindMessage},
	} {
		t.Run(name, func(t *testing.T) {
			var passed atomic.Int32
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					for range 20 {
						c := &pipeline.Call{Kind: tt.kind, Request: &http.Request{RemoteAddr: "192.0.2.1:1"}, Size: 1, Store: store}
						if tt.guard.Check(t.Context(), c) == nil {
							passed.Add(1)
						}
						if i%10 == 0 { // other addresses meanwhile
							other := &http.Request{RemoteAddr: "198.51.100." + string(rune('0'+i/10)) + ":1"}
							_ = tt.guard.Check(t.Context(), &pipeline.Call{Kind: tt.kind, Request: other, Size: 1})
						}
					}
				})
			}
			wg.Wait()
			if passed.Load() != 500 {
				t.Errorf("%d of 500 are allowed", passed.Load())
			}
		})
	}
}

// Concurrent first messages of a client share one bucket.
func TestConcurrentFirstMessages(t *testing.T) {
	const rounds = 5000
	g := Messages(0, 1)
	stores := make([]pipeline.Values, rounds)
	passed := make([]atomic.Int32, rounds)
	ready := make([]atomic.Int32, rounds)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range rounds {
				c := &pipeline.Call{Kind: pipeline.KindMessage, Store: &stores[i]}
				for ready[i].Add(1); ready[i].Load() < 2; { // side by side
					runtime.Gosched()
				}
				if g.Check(t.Context(), c) == nil {
					passed[i].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for i := range passed {
		if n := passed[i].Load(); n != 1 {
			t.Fatalf("client %d: %d messages are allowed with a burst of 1", i, n)
		}
	}
}
