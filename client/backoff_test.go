package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// wantPause checks a pause, which is between the half and the whole of d.
func wantPause(t *testing.T, what string, got, d time.Duration) {
	t.Helper()
	if got < d/2 || got > d {
		t.Errorf("%s: a pause of %v, want %v to %v", what, got, d/2, d)
	}
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		tries := errors.New("no network")
		c := prepare(t, scripted, client.Options{HTTPClient: &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			return nil, tries
		})}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := c.Connect(ctx); !errors.Is(err, tries) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if len(at) < 15 {
			t.Fatalf("%d attempts", len(at))
		}
		for i := range len(at) - 1 {
			wantPause(t, fmt.Sprint("attempt ", i), at[i+1].Sub(at[i]), min(30*time.Second, 500*time.Millisecond<<min(i, 10)))
		}
	})
}

// The pauses start from the first again after a connection that has lasted, and go on after one that has not.
func TestBackoffStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lasts := []time.Duration{time.Second, time.Second, time.Second, 6 * time.Second, time.Second}
		var ends, opens []time.Time
		o := script(t, func(n int, ws *websocket.Conn) {
			opens = append(opens, time.Now())
			if n > len(lasts) {
				read(ws)
				return
			}
			<-time.After(lasts[n-1])
			ends = append(ends, time.Now())
		})
		c := dial(t, scripted, o)
		pass(time.Minute)
		if c.State() != client.Open || len(opens) != len(lasts)+1 {
			t.Fatalf("%v after %d connections", c.State(), len(opens))
		}
		for i, want := range []int{500, 1000, 2000, 500, 1000} {
			wantPause(t, fmt.Sprint("connection ", i), opens[i+1].Sub(ends[i]), time.Duration(want)*time.Millisecond)
		}
	})
}

// The time of the server takes the place of one pause.
func TestShutdown(t *testing.T) {
	for data, want := range map[string]time.Duration{ // 0 for the pause without it
		`{"retryAfter":90000}`: 90 * time.Second, `{"retryAfter":-5}`: 0, `{"retryAfter":0}`: 0, `{"retryAfter":9000000000000000000}`: time.Hour,
		`{"retryAfter":9223372036854}`: time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			o := script(t, func(n int, ws *websocket.Conn) {
				at = append(at, time.Now())
				switch n {
				case 1:
					<-time.After(time.Second)
					write(t, ws, `{"event":"shutdown","data":`+data+`}`, `{"event":"shutdown","data":"wrong"}`)
					_ = ws.Close(1001, "")
				case 3:
					read(ws)
				}
			})
			c := prepare(t, scripted, o)
			handled := false
			client.On(c, websockets.NewEvent[websockets.Shutdown](websockets.EventShutdown), func(context.Context, websockets.Shutdown) error {
				handled = true
				return nil
			})
			connect(t, c)
			pass(2 * time.Hour)
			if len(at) != 3 || !handled {
				t.Fatalf("%s: %d connections, the handler has been called: %t", data, len(at), handled)
			}
			if pause := at[1].Sub(at[0]) - time.Second; want == 0 {
				wantPause(t, data, pause, 500*time.Millisecond)
			} else if pause < want || pause > want+time.Millisecond {
				t.Errorf("%s: a pause of %v, want %v", data, pause, want)
			}
			wantPause(t, "the next one", at[2].Sub(at[1]), time.Second)
		})
	}
}

func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := prepare(t, scripted, client.Options{HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}, OnState: func(s client.State, err error) {
			if s == client.Waiting && fmt.Sprint(err) != "handshake: the attempt has taken longer than ConnectTimeout" {
				t.Errorf("got %v", err)
			}
		}})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second+time.Millisecond)
		defer cancel()
		if err := c.Connect(ctx); err == nil || time.Since(start) != 20*time.Second+time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
