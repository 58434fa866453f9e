package admission

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func from(addr string) *http.Request {
	c := remote.Client{Addr: netip.MustParseAddr(addr)}
	return (&http.Request{}).WithContext(remote.With((&http.Request{}).Context(), c))
}

func peer(addr string) *http.Request { return &http.Request{RemoteAddr: addr + ":5000"} }

func logger(b *strings.Builder) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// rejectedWith checks status and Retry-After of the error and returns its code.
func rejectedWith(t *testing.T, err error, status int) string {
	t.Helper()
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok || e.Status != status || e.Header.Get("Retry-After") != "5" {
		t.Fatalf("rejected with %#v, want the status %d", err, status)
	}
	return e.Code
}

func TestMax(t *testing.T) {
	c := New(Config{Max: 3})
	var releases []func()
	for i := range 3 {
		release, err := c.Acquire(from(fmt.Sprintf("192.0.2.%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	_, err := c.Acquire(from("192.0.2.9"))
	if code := rejectedWith(t, err, http.StatusServiceUnavailable); code != CodeOverloaded {
		t.Error(code)
	}
	releases[0]()
	releases[0]() // has no effect
	if _, err := c.Acquire(from("192.0.2.9")); err != nil {
		t.Error(err)
	}
	if _, err := c.Acquire(from("192.0.2.9")); err == nil {
		t.Error("a connection that was released twice counts twice")
	}
}

func TestPerAddress(t *testing.T) {
	c := New(Config{PerAddress: 2})
	acquire := func(addr string) (func(), error) { return c.Acquire(from(addr)) }
	for _, addr := range []string{"192.0.2.1", "2001:db8:1:2::"} {
		other := strings.Replace(addr, "::", "::ffff", 1) // of the same /64
		first, err := acquire(addr)
		if err != nil {
			t.Fatal(err)
		}
		second, err := acquire(other)
		if err != nil {
			t.Fatal(err)
		}
		_, err = acquire(addr)
		if code := rejectedWith(t, err, http.StatusTooManyRequests); code != CodeTooManyConnections {
			t.Error(code)
		}
		if release, err := acquire("198.51.100.1"); err != nil {
			t.Error(err)
		} else {
			release()
		}
		first()
		third, err := acquire(addr)
		if err != nil {
			t.Error(err)
		}
		second()
		third()
	}
	if n, m := c.Len(), c.Addresses(); n != 0 || m != 0 {
		t.Errorf("%d connections, %d addresses are left", n, m)
	}
}

// The table of addresses has no more entries than there are connections.
func TestAddressesAreBounded(t *testing.T) {
	c := New(Config{Max: 100, PerAddress: 2})
	var releases []func()
	for i := range 5000 {
		if release, err := c.Acquire(from(fmt.Sprintf("2001:db8:%x::1", i))); err == nil {
			releases = append(releases, release)
		}
	}
	if len(releases) != 100 || c.Addresses() != 100 {
		t.Errorf("%d connections, %d addresses", len(releases), c.Addresses())
	}
	for _, release := range releases {
		release()
	}
	if c.Addresses() != 0 {
		t.Errorf("%d addresses are left", c.Addresses())
	}
}

// A private peer that may be a proxy is not limited; one log line suggests
// TrustedProxies.
func TestPossibleProxyIsNotLimited(t *testing.T) {
	var b strings.Builder
	c := New(Config{PerAddress: 3, Log: logger(&b)})
	for range 2 {
		if _, err := c.Acquire(peer("10.0.0.7")); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() > 0 {
		t.Errorf("logged before the limit: %s", &b)
	}
	for _, addr := range []string{"10.0.0.7", "10.0.0.7", "127.0.0.1", "127.0.0.1", "127.0.0.1"} {
		if _, err := c.Acquire(peer(addr)); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(b.String(), "\n"); n != 1 || !strings.Contains(b.String(), `option="app.TrustedProxies(\"10.0.0.7\")"`) {
		t.Errorf("%d lines: %s", n, &b)
	}
	if _, err := c.Acquire(&http.Request{RemoteAddr: "@"}); err != nil {
		t.Error(err)
	}
}

// A reached limit is logged once a minute, with the number of rejected connections.
func TestReachedLimitIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, cfg := range []Config{{Max: 1}, {PerAddress: 1}} {
			var b strings.Builder
			cfg.Log = logger(&b)
			c := New(cfg)
			for range 100 {
				_, _ = c.Acquire(from("192.0.2.1"))
			}
			if strings.Count(b.String(), "\n") != 1 || !strings.Contains(b.String(), "limit=1 rejected=1") || !strings.Contains(b.String(), "app.MaxConnections") {
				t.Errorf("logged: %s", &b)
			}
			<-time.After(time.Minute)
			b.Reset()
			_, _ = c.Acquire(from("192.0.2.1"))
			if !strings.Contains(b.String(), "rejected=99") {
				t.Errorf("logged: %s", &b)
			}
		}
	})
}

func TestDefaultMax(t *testing.T) {
	for _, tt := range []struct {
		files uint64
		ok    bool
		want  int
	}{{1024, true, 819}, {1, true, 1}, {1 << 20, true, 838_860}, {^uint64(0), true, maxWithoutLimit}, {1<<63 - 1, true, maxWithoutLimit}, {0, false, maxWithoutLimit}} {
		if got := defaultMax(tt.files, tt.ok); got != tt.want {
			t.Errorf("%d %t: %d, want %d", tt.files, tt.ok, got, tt.want)
		}
	}
	files, ok := openFiles()
	if DefaultMax() != defaultMax(files, ok) {
		t.Error(DefaultMax())
	}
}

type memory bool

func (m memory) Exceeded() bool { return bool(m) }

func TestMemoryExceeded(t *testing.T) {
	_, err := New(Config{Memory: memory(true)}).Acquire(from("192.0.2.1"))
	if code := rejectedWith(t, err, http.StatusServiceUnavailable); code != CodeOverloaded {
		t.Error(code)
	}
	if _, err := New(Config{Memory: memory(false)}).Acquire(from("192.0.2.1")); err != nil {
		t.Error(err)
	}
}

func TestConcurrentAcquire(t *testing.T) {
	c := New(Config{Max: 50, PerAddress: 10})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 500 {
				if release, err := c.Acquire(from(fmt.Sprintf("192.0.2.%d", i%4))); err == nil {
					release()
				}
			}
		})
	}
	wg.Wait()
	if c.Len() != 0 || c.Addresses() != 0 {
		t.Errorf("%d connections, %d addresses are left", c.Len(), c.Addresses())
	}
}

func BenchmarkAcquire(b *testing.B) {
	c := New(Config{Max: 1000, PerAddress: 100})
	r := from("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		release, _ := c.Acquire(r)
		release()
	}
}

// Len returns the number of connections.
func (c *Control) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// Addresses returns the number of addresses with connections.
func (c *Control) Addresses() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.addresses)
}
