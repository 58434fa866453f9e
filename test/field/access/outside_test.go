package access_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X08_RefusedAgainAndAgain: A connection that is in no namespace is closed after ConnectTimeout, from its
// start or since it has left the last one, however often it asks and is refused meanwhile; one that enters stays
// open.
func TestField_X08_RefusedAgainAndAgain(t *testing.T) {
	const short = 300 * time.Millisecond
	each(t, localWays(ways.With(socketio.Options{ConnectTimeout: short}, zishang.Options{ConnectTimeout: short})), func(t *testing.T, w way) {
		s := w.Stage(t, stage.Gateway(websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
			if h.Auth.IsZero() {
				return errors.New("of the server's own, so that it does not count otherwise")
			}
			return nil
		})))
		// hammer asks until the connection is closed, which was in no namespace since the time.
		hammer := func(l *line, since time.Time) {
			t.Helper()
			for l.Send("40") {
				if _, ok := l.ReadTo("44"); !ok {
					break
				}
				<-time.After(short / 20)
			}
			if took := time.Since(since); took < short/2 || took > testkit.Patience/2 {
				t.Errorf("closed after %v, want %v", took, short)
			}
		}
		since := time.Now()
		hammer(w.dial(t, s), since)
		var l *line
		s.Wait("a client has entered in time", func() bool { // on a busy machine it may be too late
			l = w.dial(t, s)
			return l.entered(`{"ok":1}`)
		})
		<-time.After(3 * short) // nothing happens meanwhile
		l.Send(`421["echo","still in"]`)
		l.Want(`431["still in"]`)
		since = time.Now()
		l.Send("41")
		hammer(l, since)
		s.WantGone(1)
	})
}

// TestField_X08_TooManyOutside: If more than MaxConnecting connections of a server are in no namespace, the one that
// has been so longest is closed. Connections in a namespace are not affected.
func TestField_X08_TooManyOutside(t *testing.T) {
	const most = 3
	each(t, localWays(ways.With(socketio.Options{MaxConnecting: most}, zishang.Options{MaxConnecting: most})), func(t *testing.T, w way) {
		s := w.Stage(t)
		in := w.dial(t, s)
		in.Send("40")
		in.Want("40")
		var lines []*line
		for range most {
			lines = append(lines, w.dial(t, s))
			lines[len(lines)-1].counted()
		}
		back := w.dial(t, s) // the first is closed
		lines[0].wantGone()
		back.Send("40")
		back.Want("40")
		back.Send("41") // is in no namespace again, and the next one is closed
		in.Send(`421["echo","in"]`)
		in.Want(`431["in"]`)
		w.dial(t, s)
		lines[1].wantGone()
		lines[2].Send("40")
		lines[2].Want("40")
		in.Send(`422["echo","in"]`)
		in.Want(`432["in"]`)
	})
}

// TestField_X08_NoLimitOutside: A negative MaxConnecting means no limit.
func TestField_X08_NoLimitOutside(t *testing.T) {
	each(t, localWays(ways.With(socketio.Options{MaxConnecting: -1}, zishang.Options{MaxConnecting: -1})), func(t *testing.T, w way) {
		s := w.Stage(t)
		var lines []*line
		for range 20 {
			lines = append(lines, w.dial(t, s))
		}
		for _, l := range lines {
			l.Send("40")
			l.Want("40")
		}
	})
}

// counted returns when the server counts the connection: a client may have its session before.
func (l *line) counted() {
	l.T.Helper()
	l.Send("40/unknown,")
	l.Want("44/unknown,")
}

// wantGone reads until the server has closed the connection.
func (l *line) wantGone() {
	l.T.Helper()
	for {
		if p, ok := l.Read(); !ok {
			return
		} else if p[0] == '0' || p[0] == '4' {
			l.T.Fatalf("the connection is open, and got %s", p)
		}
	}
}

// TestField_X08_TooManyUnpolled: If more than MaxUnpolled sessions over polling are in a namespace without a poll,
// the one that has been so longest is closed, once that is 5 s or the ping timeout. Sessions with a poll are not
// affected.
func TestField_X08_TooManyUnpolled(t *testing.T) {
	const most = 3
	all := localWays(ways.With(socketio.Options{MaxUnpolled: most}, zishang.Options{MaxUnpolled: most}))
	each(t, []way{all[1], all[3]}, func(t *testing.T, w way) {
		const unpolled = 2 * time.Second // the poll below must have arrived by then
		s := w.Stage(t, stage.Limits(websockets.Limits{PingInterval: time.Minute, PingTimeout: unpolled}))
		enter := func() *line {
			l := w.dial(t, s)
			l.Send("40")
			l.Want("40")
			return l
		}
		polled := enter()
		poll := polled.Poller.Start(polled.Poller.GetBytes())
		for range most {
			enter()
		}
		s.Wait("all are connected", func() bool { return s.Server.Local().Len() == most+1 })
		<-time.After(unpolled + 100*time.Millisecond)
		enter()
		s.Wait("one was closed", func() bool { return len(s.Reasons()) == 1 })
		if r := s.Reasons()[0]; r.Cause != websockets.CauseForcedClose || r.Text != "too many sessions without a poll" {
			t.Errorf("the reason is %v", r)
		}
		if err := s.Server.Emit(t.Context(), "news", 1); err != nil {
			t.Fatal(err)
		}
		if a := poll.Answer(); a.Body != `42["news",1]` {
			t.Errorf("the one that polls was answered %d %s", a.Status, a.Body)
		}
	})
}
