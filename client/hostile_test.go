package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// What a server could do to a client: make it grow, spin, hang, leak or send twice. The leak is checked by TestMain.

// A server that calls the client, and reads nothing, does not fill its memory with answers.
func TestHostileCallsWithoutReading(t *testing.T) {
	var asked, answered atomic.Int64
	done := make(chan struct{})
	o := scriptV1(t, func(_ int, ws *websocket.Conn, _ []string) {
		write(t, ws, `{"session":{"id":"c1"}}`)
		for ctx := context.Background(); ; asked.Add(1) {
			if ws.Write(ctx, websocket.MessageText, []byte(`{"event":"confirm","id":1,"data":"?"}`)) != nil {
				return
			}
			if asked.Load() == 20_000 {
				break
			}
		}
		<-done
	}, alwaysV1)
	o.Limits = client.Limits{Queued: 100, Answering: 10}
	c := prepare(t, scripted, o)
	client.Answer(c, Confirm, func(context.Context, string) (bool, error) { answered.Add(1); return true, nil })
	connect(t, c)
	eventually(t, "all calls", func() bool { return asked.Load() == 20_000 })
	// Those that are answered are in the queue, and a few on their way.
	if got := answered.Load(); got > 100+10+64 {
		t.Errorf("%d calls are answered, of which the server has read none", got)
	}
	close(done)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = c.Close(ctx)
}

// A server that sends a lot of what the client does not know leaves nothing behind.
func TestHostileFrames(t *testing.T) {
	const each = 2_000
	big := strings.Repeat("x", 10_000)
	var grown uint64
	o := scriptV1(t, func(_ int, ws *websocket.Conn, _ []string) {
		write(t, ws, `{"session":{"id":"`+big+`","key":"KEY","pos":"a","more":"`+big+`"}}`)
		memory := func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		frames := func() {
			for i := range each {
				write(t, ws,
					fmt.Sprintf(`{"id":%d,"data":"%s"}`, i+100, big), fmt.Sprintf(`{"event":"tick","re":%d,"data":"%s"}`, i+100, big),
					fmt.Sprintf(`{"event":"exception","id":%d,"data":{"message":"%s"}}`, i+100, big),
					fmt.Sprintf(`{"event":"exception","data":{"message":"%s%d"}}`, big, i),
					fmt.Sprintf(`{"event":"event %d","data":"%s"}`, i, big), fmt.Sprintf(`{"event":"call %d","id":"%d"}`, i, i),
					fmt.Sprintf(`{"session":{"id":"c%d","key":"%s"}}`, i, big), fmt.Sprintf(`{"event":"e","pos":"p%d"}`, i), `[`, `{"x":"`+big+`"}`)
			}
			write(t, ws, `{"event":"poked","data":"end"}`)
		}
		frames()
		before := memory()
		frames()
		if after := memory(); after > before {
			grown = after - before
		}
		write(t, ws, `{"event":"poked","data":"measured"}`)
		read(ws)
	}, alwaysV1)
	c := prepare(t, scripted, o)
	measured := make(chan bool, 1)
	client.On(c, Poked, func(_ context.Context, s string) error {
		if s == "measured" {
			measured <- true
		}
		return nil
	})
	connect(t, c)
	testkit.Receive(t, "the end", measured)
	if grown > 4<<20 {
		t.Errorf("the client has grown by %d bytes, of %d", grown, each*8*len(big))
	}
}

// A server that accepts and closes, in each way, gets no more attempts than one that refuses.
func TestHostileReconnects(t *testing.T) {
	session := `{"session":{"id":"c1","key":"K","pos":"a"}}`
	for name, x := range map[string]struct {
		frames []string
		code   websocket.StatusCode // 0 cuts
		token  bool
	}{
		"cut":            {[]string{session}, 0, false},
		"no session":     {nil, 0, false},
		"wrong session":  {[]string{`{"event":"x"}`}, 1001, false},
		"no object":      {[]string{`{"session":"x"}`}, 1001, false},
		"going away":     {[]string{session, `{"event":"shutdown","data":{"retryAfter":0}}`}, 1001, false},
		"expired":        {[]string{session, `{"event":"exception","data":{"message":"m","code":"token_expired"}}`}, 4401, true},
		"too many":       {[]string{`{"event":"exception","data":{"message":"m","code":"rate_limited","details":{"retryAfter":0}}}`}, 4429, false},
		"unavailable":    {[]string{`{"event":"exception","data":{"message":"m"}}`}, 4503, false},
		"recovered":      {[]string{`{"session":{"id":"c1","key":"K","pos":"a","recovered":true}}`, `{"event":"e","pos":"b"}`}, 1001, false},
		"many refusals":  {[]string{strings.Repeat(" ", 100), `{"event":"exception","data":{}}`, `{"event":"exception","data":{}}`, session}, 1001, false},
		"not JSON":       {[]string{`{"session":`}, 1001, false},
		"internal error": {[]string{`{"event":"exception","data":5}`}, 1011, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var attempts atomic.Int32
				o := scriptV1(t, func(_ int, ws *websocket.Conn, _ []string) {
					attempts.Add(1)
					for _, f := range x.frames {
						_ = ws.Write(context.Background(), websocket.MessageText, []byte(f))
					}
					if x.code != 0 {
						_ = ws.Close(x.code, "")
					}
				}, alwaysV1)
				if x.token {
					o.Token = func(context.Context) (string, error) { return "token", nil }
				}
				c := prepare(t, scripted, o)
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				_ = c.Connect(ctx)
				pass(10 * time.Minute)
				// 0.5, 1, 2, 4, 8, 16 s, then 30 s, of each the half at least.
				if n, took := attempts.Load(), time.Since(start); int(n) > 7+int(took/(15*time.Second)) {
					t.Errorf("%d attempts in %v", n, took)
				}
			})
		})
	}
}

// A server that does not finish what it has to send first does not keep an attempt.
func TestHostileSilence(t *testing.T) {
	for name, f := range map[string]func(ws *websocket.Conn){
		"nothing": func(ws *websocket.Conn) { read(ws) },
		"a refusal without a close": func(ws *websocket.Conn) {
			_ = ws.Write(context.Background(), websocket.MessageText, []byte(`{"event":"exception","data":{"message":"m"}}`))
			read(ws)
		},
		"drops of a message": func(ws *websocket.Conn) {
			w, err := ws.Writer(context.Background(), websocket.MessageText)
			for range 60 { // longer than an attempt
				if err == nil {
					_, err = w.Write([]byte(strings.Repeat(" ", 5000)))
				}
				<-time.After(time.Second)
			}
		},
		"pings": func(ws *websocket.Conn) {
			go read(ws)
			for ws.Ping(context.Background()) == nil {
				<-time.After(time.Second)
			}
		},
		"refusals without end": func(ws *websocket.Conn) {
			for ws.Write(context.Background(), websocket.MessageText, []byte(`{"event":"exception","data":{"message":"m"}}`)) == nil {
				<-time.After(time.Second)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var attempts atomic.Int32
				o := scriptV1(t, func(_ int, ws *websocket.Conn, _ []string) {
					attempts.Add(1)
					f(ws)
				}, alwaysV1)
				o.PingInterval = -1
				var why error
				o.OnState = func(s client.State, err error) {
					if s == client.Waiting {
						why = err
					}
				}
				c := prepare(t, scripted, o)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				defer cancel()
				if err := c.Connect(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Connect: %v", err)
				}
				pass(time.Minute) // for the server
				if n := attempts.Load(); n < 3 || c.State() != client.Closed {
					t.Errorf("%d attempts, %v", n, c.State())
				}
				if want := "the server has selected gatehouse.v1, and has sent no session within ConnectTimeout"; why == nil || why.Error() != want {
					t.Errorf("got %v, want %s", why, want)
				}
			})
		})
	}
}

// A server that repeats answers, items and ends, or pretends that the client is recovered, has nothing sent or ended twice.
func TestHostileRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var received []string
		o := scriptV1(t, func(n int, ws *websocket.Conn, _ []string) {
			write(t, ws, `{"session":{"id":"c1","key":"K","pos":"a","recovered":true}}`, `{"id":1,"data":"early"}`, `{"event":"tick","re":2,"data":1}`)
			for i := 0; ; i++ {
				_, text, err := ws.Read(context.Background())
				if err != nil {
					return
				}
				mu.Lock()
				received = append(received, fmt.Sprint(n, " ", string(text)))
				mu.Unlock()
				if n == 1 && i == 1 {
					return // two requests are sent, and have no answer
				}
				if n > 1 {
					write(t, ws, `{"id":1,"data":"former"}`, `{"id":2,"data":"former"}`, `{"id":3,"data":"x"}`, `{"id":3,"data":"again"}`,
						`{"event":"exception","id":3,"data":{"message":"again"}}`)
				}
			}
		}, alwaysV1)
		c := dial(t, scripted, o)
		synctest.Wait() // what is early has arrived
		var calling sync.WaitGroup
		for range 2 {
			calling.Go(func() {
				_, err := Fail.Call(t.Context(), c, "x")
				wantErrors(t, err, client.ErrDisconnected, client.ErrUnanswered)
			})
		}
		calling.Wait()
		if got, err := Fail.Call(t.Context(), c, "y"); err != nil || got != "x" {
			t.Errorf("%q, %v", got, err)
		}
		pass(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(received) != 3 || !strings.HasPrefix(received[2], `2 {"event":"fail","data":"y"`) {
			t.Errorf("the server has %q", received)
		}
	})
}

// A refusal that is large, or none of HTTP, is cut.
func TestHostileHandshake(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/body":
			w.WriteHeader(http.StatusServiceUnavailable)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(big))
			}
		case "/header":
			w.Header().Set("Retry-After", "-1")
			w.Header().Set("X", strings.Repeat("x", 11<<20))
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/protocol":
			w.Header().Set("Sec-WebSocket-Protocol", "gatehouse.v2")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
	}))
	defer s.Close()
	for _, path := range []string{"/body", "/header", "/protocol"} {
		if err := failedAttempt(t, s.URL+path, client.Options{}); err == nil || len(err.Error()) > 4096 {
			t.Errorf("%s: the error is %.5000v", path, err)
		}
	}
}
