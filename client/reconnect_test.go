package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The close codes that end a Conn for good, as docs/typescript.md has them.
func TestCloseCodes(t *testing.T) {
	_, url := started(t)
	for code, final := range map[int]bool{1000: true, 1008: false, 3000: false, 4000: true, 4401: true, 4999: true} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			c := dial(t, url, client.Options{FirstRetry: time.Millisecond})
			_, err := Kick.Call(t.Context(), c, code)
			if err != nil && !errors.Is(err, client.ErrUnanswered) {
				t.Error(err)
			}
			if !final {
				if got := call(t, c, Fail, "again"); got != "again" {
					t.Errorf("got %q", got)
				}
				return
			}
			eventually(t, "the end", func() bool { return c.State() == client.Closed })
			_, err = Fail.Call(t.Context(), c, "again")
			wantErrors(t, err, client.ErrClosed)
			if want := fmt.Sprintf(`client: call "fail": the connection is closed for good: the server has closed the connection with %d out`, code); err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
}

// Events that have arrived before the server closes the connection for good are handled.
func TestEventsBeforeTheEnd(t *testing.T) {
	_, url := started(t)
	c := dial(t, url, client.Options{})
	seen := make(chan int, 200)
	client.On(c, Number, func(ctx context.Context, n int) error {
		if n == 0 {
			_ = c.Emit(ctx, "kick", 4000)
			testkit.Receive(t, "the end", closedOf(c))
		}
		if ctx.Err() != nil {
			t.Errorf("%d: the context has ended", n)
		}
		seen <- n
		return nil
	})
	if err := c.Emit(t.Context(), "burst", 100); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		if got := testkit.Receive(t, "an event", seen); got != n {
			t.Fatalf("event %d, want %d", got, n)
		}
	}
}

// closedOf returns a channel that receives when c is closed for good.
func closedOf(c *client.Conn) <-chan bool {
	closed := make(chan bool, 1)
	go func() {
		testkit.Within(10*time.Second, func() bool { return c.State() == client.Closed })
		closed <- true
	}()
	return closed
}

// Messages that wait for a connection have bounds, in number and bytes; those that are kept arrive in order.
func TestBuffers(t *testing.T) {
	addr := testkit.FreeAddress(t)
	c := prepare(t, "http://"+addr+"/kitchen/{room}", client.Options{
		Params: map[string]string{"room": "a b/ü"}, FirstRetry: time.Millisecond, Limits: client.Limits{Queued: 4, QueuedBytes: 200},
	})
	var got []string
	done := make(chan bool, 1)
	client.On(c, Poked, func(_ context.Context, s string) error {
		if got = append(got, s); s == "end" {
			done <- true
		}
		return nil
	})
	for i, want := range []error{nil, nil, nil, nil, client.ErrQueueFull} {
		if err := Poke.Emit(t.Context(), c, fmt.Sprint(i)); !errors.Is(err, want) {
			t.Errorf("event %d: %v, want %v", i, err, want)
		} else {
			wantErrors(t, err, want)
		}
	}
	_, err := Once.Call(t.Context(), c, 1)
	wantErrors(t, err, client.ErrQueueFull)
	late := prepare(t, "http://"+addr+"/kitchen/tea", client.Options{Limits: client.Limits{QueuedBytes: 100, Unanswered: 1}})
	if err := Poke.Emit(t.Context(), late, string(make([]byte, 200))); err != nil { // one message has room in any case
		t.Error(err)
	}
	wantErrors(t, Poke.Emit(t.Context(), late, "small"), client.ErrQueueFull)
	wantErrors(t, late.Emit(t.Context(), "poke", "stale", websockets.Volatile()), client.ErrQueueFull)
	k := newKitchen()
	a := serve(t, k, addr)
	defer stop(t, a)
	connect(t, c)
	if err := Poke.Emit(t.Context(), c, "end"); err != nil {
		t.Error(err)
	}
	testkit.Receive(t, "the last event", done)
	if want := []string{"welcome", "0", "1", "2", "3", "end"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := call(t, c, Room, none{}); got != "a b/ü" {
		t.Errorf("the room is %q", got)
	}
	connect(t, late)
	asked := make(chan bool, 1)
	release := make(chan struct{})
	client.Answer(late, Confirm, func(context.Context, string) (bool, error) {
		asked <- true
		<-release
		return true, nil
	})
	var asking sync.WaitGroup
	asking.Go(func() {
		if yes, err := Ask.Call(t.Context(), late, "?"); err != nil || !yes {
			t.Errorf("%v, %v", yes, err)
		}
	})
	testkit.Receive(t, "the question", asked)
	_, err = Once.Call(t.Context(), late, 1)
	wantErrors(t, err, client.ErrQueueFull)
	close(release)
	asking.Wait()
	if got := call(t, late, Fail, "x"); got != "x" {
		t.Errorf("got %q", got)
	}
	if err := late.Emit(t.Context(), "poke", "fresh", websockets.Volatile()); err != nil {
		t.Error(err)
	}
}

// OnConnect goes ahead of what waits, on each connection; its error is a failed attempt.
func TestOnConnect(t *testing.T) {
	_, url := started(t)
	var n atomic.Int32
	var conn *client.Conn
	conn = prepare(t, url, client.Options{
		FirstRetry: time.Millisecond, Timeout: time.Minute,
		OnConnect: func(ctx context.Context, c *client.Conn) error {
			if c != conn || c.State() != client.Connecting {
				t.Errorf("%v", c.State())
			}
			if err := Poke.Emit(ctx, c, fmt.Sprint("setup ", n.Add(1))); err != nil {
				return err
			}
			if _, err := Fail.Call(ctx, c, "x"); err != nil {
				return err
			}
			switch n.Load() {
			case 2:
				return errors.New("not this time")
			case 3:
				panic("nor this time")
			}
			return nil
		},
	})
	got := make(chan string, 100)
	client.On(conn, Poked, func(_ context.Context, s string) error { got <- s; return nil })
	if err := Poke.Emit(t.Context(), conn, "waits"); err != nil {
		t.Fatal(err)
	}
	connect(t, conn)
	for _, want := range []string{"welcome", "setup 1", "waits"} {
		if s := testkit.Receive(t, want, got); s != want {
			t.Errorf("got %q, want %q", s, want)
		}
	}
	_, err := Kick.Call(t.Context(), conn, 3000)
	if err != nil {
		wantErrors(t, err, client.ErrDisconnected, client.ErrUnanswered)
	}
	if err := Poke.Emit(t.Context(), conn, "again"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"welcome", "setup 2", "welcome", "setup 3", "welcome", "setup 4", "again"} {
		if s := testkit.Receive(t, want, got); s != want {
			t.Errorf("got %q, want %q", s, want)
		}
	}
	mine := errors.New("mine")
	if _, err := client.Dial(t.Context(), url, client.Options{OnConnect: func(context.Context, *client.Conn) error { return mine }}); !errors.Is(err, mine) {
		t.Errorf("got %v", err)
	}
}

// What the first attempts fail by.
func TestConnect(t *testing.T) {
	_, url := started(t)
	if _, err := client.Dial(t.Context(), url+"/unknown", client.Options{Logger: discard}); err == nil {
		t.Error("an unknown path")
	} else if e, ok := errors.AsType[*websockets.Error](err); !ok || e.Status != 404 {
		t.Errorf("got %v", err)
	}
	// The server is not there yet.
	addr := testkit.FreeAddress(t)
	c := prepare(t, "ws://"+addr+"/kitchen/tea?secret=1", client.Options{FirstRetry: time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := c.Connect(ctx)
	wantErrors(t, err, context.DeadlineExceeded)
	if want := "client: connect to ws://" + addr + "/kitchen/tea: context deadline exceeded; the last attempt: handshake: dial tcp " + addr + ": connect: connection refused"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if c.State() != client.Closed {
		t.Errorf("the state is %v", c.State())
	}
	if err := c.Connect(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Connect of a closed one: %v", err)
	}
	waits := make(chan bool, 1000)
	d := prepare(t, "ws://"+addr+"/kitchen/tea", client.Options{FirstRetry: time.Millisecond, OnState: func(s client.State, _ error) {
		if s == client.Waiting {
			waits <- true
		}
	}})
	connected := make(chan error, 1)
	go func() { connected <- d.Connect(t.Context()) }()
	testkit.Receive(t, "a failed attempt", waits)
	k := newKitchen()
	a := serve(t, k, addr)
	defer stop(t, a)
	if err := testkit.Receive(t, "a connection", connected); err != nil {
		t.Error(err)
	}
	if err := d.Connect(t.Context()); err == nil {
		t.Error("a second Connect")
	}
	// HandleConnection refuses: the connection may be open before, and is lost for good.
	e := prepare(t, url+"?refuse=1", client.Options{})
	err = e.Connect(t.Context())
	eventually(t, "the end", func() bool { return e.State() == client.Closed })
	if err == nil {
		_, err = Fail.Call(t.Context(), e, "x")
	}
	if refused, ok := errors.AsType[*websockets.Error](err); !ok || refused.Code != "burnt" || refused.Status != 403 {
		t.Errorf("a client that is refused: %v", err)
	}
}

// A refusal may set the time of the next attempt; another server than a gateway is refused.
func TestRefusals(t *testing.T) {
	var tries atomic.Int32
	start := time.Now()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tries.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(503)
			_, _ = io.WriteString(w, `{"message":"Too busy","code":"overloaded"}`)
			return
		}
		w.WriteHeader(418)
		_, _ = io.WriteString(w, `<html>`)
	}))
	defer s.Close()
	var second time.Time
	_, err := client.Dial(t.Context(), s.URL, client.Options{Logger: discard, FirstRetry: time.Millisecond, OnState: func(s client.State, err error) {
		if s == client.Waiting {
			if e, ok := errors.AsType[*websockets.Error](err); !ok || e.Code != "overloaded" || e.Message != "Too busy" {
				t.Errorf("got %v", err)
			}
		}
		if s == client.Connecting {
			second = time.Now()
		}
	}})
	e, ok := errors.AsType[*websockets.Error](err)
	if !ok || e.Status != 418 || e.Message != "The server has refused the handshake with 418 I'm a teapot" || tries.Load() != 2 {
		t.Errorf("got %v after %d attempts", err, tries.Load())
	}
	if second.Sub(start) < time.Second {
		t.Errorf("the second attempt is after %v", second.Sub(start))
	}
}

// Clients of an application that stops connect to the next one, none before the time that it has received. TestShutdown has when
// they do.
func TestDrain(t *testing.T) {
	const clients = 200
	a := serve(t, newKitchen(), "127.0.0.1:0", app.DrainRate(100), app.StopTimeout(time.Minute))
	next := serve(t, newKitchen(), "127.0.0.1:0")
	defer stop(t, next)
	type record struct {
		conn         *client.Conn
		from         *firstReader // of the first connection
		tried, again time.Time
	}
	var mu sync.Mutex
	var connecting sync.WaitGroup
	all := make([]*record, clients)
	for i := range all {
		r := &record{}
		all[i] = r
		opens := 0
		r.conn = prepare(t, "ws://kitchen/kitchen/tea", client.Options{
			HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				to := next
				if r.from == nil {
					to = a
				}
				c, err := new(net.Dialer).DialContext(ctx, network, to.Addr().String())
				if err == nil && r.from == nil {
					r.from = &firstReader{Conn: c}
					c = r.from
				}
				return c, err
			}}},
			OnState: func(s client.State, _ error) {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case s == client.Open:
					if opens++; opens == 2 {
						r.again = time.Now()
					}
				case s == client.Connecting && opens == 1 && r.tried.IsZero():
					r.tried = time.Now()
				}
			},
		})
		connecting.Go(func() {
			if err := r.conn.Connect(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := Fail.Call(t.Context(), r.conn, "x"); err != nil {
				t.Error(err)
			}
		})
	}
	connecting.Wait()
	stop(t, a)
	eventually(t, "all clients on the next server", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return !slices.ContainsFunc(all, func(r *record) bool { return r.again.IsZero() })
	})
	late := 0
	for i, r := range all {
		if got := call(t, r.conn, Fail, "again"); got != "again" {
			t.Errorf("client %d: %q", i, got)
		}
		mu.Lock()
		from := r.from.retryFrom()
		switch {
		case from.IsZero():
			t.Errorf("client %d has no event", i)
		case r.tried.Before(from):
			t.Errorf("client %d tries %v too early", i, from.Sub(r.tried))
		case r.again.Sub(from) > time.Second:
			late++
		}
		mu.Unlock()
	}
	t.Logf("%d clients, %d later than a second after their time", clients, late)
	if os.Getenv("CLIENT_LONG") != "" && late > clients/20 { // elsewhere machines are too busy for times
		t.Errorf("%d of %d clients are later than a second after their time", late, clients)
	}
}

// firstReader notes when the event shutdown has arrived, before the client reads it.
type firstReader struct {
	net.Conn

	mu   sync.Mutex
	text []byte
	from time.Time // when the client may connect again
}

var retryAfter = regexp.MustCompile(`"shutdown","data":\{"retryAfter":(\d+)\}`)

func (c *firstReader) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, b[:n]...)
	if found := retryAfter.FindSubmatch(c.text); found != nil && c.from.IsZero() {
		after, _ := strconv.Atoi(string(found[1]))
		c.from = time.Now().Add(time.Duration(after) * time.Millisecond)
	}
	return n, err
}

func (c *firstReader) retryFrom() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.from
}
