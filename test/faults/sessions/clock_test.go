package sessions_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	openWebSocket = "/socket.io/?EIO=4&transport=websocket"
	openPolling   = "/socket.io/?EIO=4&transport=polling"
)

// took checks a duration, with a tolerance of the second between the server's checks.
func took(t *testing.T, what string, since time.Time, want time.Duration) {
	t.Helper()
	if d := time.Since(since); d < want-time.Second/2 || d > want+time.Second {
		t.Errorf("%s arrived after %v, want %v", what, d, want)
	}
}

// sidOf returns the session's id in an open packet.
func sidOf(open string) string {
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	return sid
}

// TestFault_F46_NoPong: A client that never answers a ping is closed after ping interval and ping timeout, 45 s by
// default, over WebSocket and polling.
func TestFault_F46_NoPong(t *testing.T) {
	t.Run("socketio", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := harness.NewMemory(t, socketIO())
			c := m.Dial(openWebSocket)
			started := time.Now()
			m.Want(c, "0{")
			m.Write(c, "40")
			m.Want(c, "40{")
			m.Want(c, "2")
			took(t, "the ping", started, 25*time.Second)
			m.WantClose(c, 1001)
			took(t, "the end", started, 45*time.Second)
			if r := m.Left(); r.Cause != websockets.CausePingTimeout {
				t.Errorf("ended with %v", r)
			}
		})
	})
	t.Run("polling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := harness.NewMemory(t, socketIO())
			_, open := m.Do(http.MethodGet, openPolling, "")
			started := time.Now()
			session := openPolling + "&sid=" + sidOf(open)
			m.Do(http.MethodPost, session, "40")
			if _, body := m.Do(http.MethodGet, session, ""); !strings.HasPrefix(body, "40{") {
				t.Fatalf("got %q", body)
			}
			if _, body := m.Do(http.MethodGet, session, ""); body != "2" {
				t.Fatalf("got %q, want a ping", body)
			}
			took(t, "the ping", started, 25*time.Second)
			if _, body := m.Do(http.MethodGet, session, ""); body != "1" {
				t.Errorf("the poll was answered %q, want a close packet", body)
			}
			took(t, "the end", started, 45*time.Second)
			if r := m.Left(); r.Cause != websockets.CausePingTimeout {
				t.Errorf("ended with %v", r)
			}
			if status, _ := m.Do(http.MethodGet, session, ""); status != http.StatusBadRequest {
				t.Errorf("afterwards: %d", status)
			}
		})
	})
}

// TestFault_F46_NobodyPolls: A session over polling whose client neither polls nor posts any more ends at the same
// time, without a poll to close it with.
func TestFault_F46_NobodyPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := harness.NewMemory(t, socketIO())
		_, open := m.Do(http.MethodGet, openPolling, "")
		started := time.Now()
		m.Do(http.MethodPost, openPolling+"&sid="+sidOf(open), "40")
		if r := m.Left(); r.Cause != websockets.CausePingTimeout {
			t.Errorf("ended with %v", r)
		}
		took(t, "the end", started, 45*time.Second)
	})
}

// TestFault_F47_ClockJump: A client that answers its pings stays connected for a day and over midnight, with each
// ping on time, and one whose machine slept longer than the timeout has to reconnect.
func TestFault_F47_ClockJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := harness.NewMemory(t, socketIO())
		c := m.Dial(openWebSocket)
		m.Want(c, "0{")
		m.Write(c, "40")
		m.Want(c, "40{")
		started, last := time.Now(), time.Now()
		for time.Since(started) < 24*time.Hour {
			m.Want(c, "2")
			if d := time.Since(last); d < 24*time.Second || d > 26*time.Second {
				t.Fatalf("a ping arrived %v after the last pong", d)
			}
			m.Write(c, "3")
			last = time.Now()
		}
		m.Write(c, `421["echo","a day later"]`)
		m.Want(c, `431["a day later"]`)
		m.WantClose(c, 1001) // it sleeps
		took(t, "the end", last, 45*time.Second)
		m.Left()
	})
}

// TestFault_F42_UpgradeNeverFinished: A WebSocket that is opened for an upgrade and does not complete it is closed
// after 10 s, whether it was silent or stopped after the probe, and the session continues over polling and may
// upgrade later.
func TestFault_F42_UpgradeNeverFinished(t *testing.T) {
	for name, says := range map[string]string{"silent": "", "probed": "2probe"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := harness.NewMemory(t, socketIO())
				_, open := m.Do(http.MethodGet, openPolling, "")
				sid := "&sid=" + sidOf(open)
				m.Do(http.MethodPost, openPolling+sid, "40")
				m.Do(http.MethodGet, openPolling+sid, "")
				started := time.Now()
				c := m.Dial(openWebSocket + sid)
				if says != "" {
					m.Write(c, says)
					m.Want(c, "3probe")
				}
				m.WantClose(c, 1001)
				took(t, "the end of the upgrade", started, 10*time.Second)
				m.Do(http.MethodPost, openPolling+sid, `421["echo","still polling"]`)
				if _, body := m.Do(http.MethodGet, openPolling+sid, ""); body != `431["still polling"]` {
					t.Errorf("by polling: %q", body)
				}
				synctest.Wait()
				c = m.Dial(openWebSocket + sid)
				m.Write(c, "2probe")
				m.Want(c, "3probe")
				m.Write(c, "5")
				m.Write(c, `421["echo","upgraded"]`)
				m.Want(c, `431["upgraded"]`)
				_ = c.CloseNow()
				m.Left()
			})
		})
	}
}

// TestFault_F41_BodyNeverEnds: A chunked body that is sent slowly without an end is cut off after 60 s, the session
// ends with a transport error, and no byte of it extends the time.
func TestFault_F41_BodyNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := harness.NewMemory(t, socketIO())
		_, open := m.Do(http.MethodGet, openPolling, "")
		session := openPolling + "&sid=" + sidOf(open)
		m.Do(http.MethodPost, session, "40")
		m.Do(http.MethodGet, session, "")
		started := time.Now()
		m.Trickle(http.MethodPost, session, time.Second)
		if r := m.Left(); r.Cause != websockets.CauseTransportError {
			t.Errorf("ended with %v", r)
		}
		took(t, "the end", started, time.Minute)
	})
}
