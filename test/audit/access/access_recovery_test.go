package audit_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var secret = []byte("a secret of thirty-two bytes....")

func token(t *testing.T, subject string, lasts time.Duration) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Issuer: "issuer", Subject: subject, ExpiresAt: jwt.NewNumericDate(time.Now().Add(lasts)),
	}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return `"token":"` + text + `"`
}

// reconnector is a client that may reconnect.
type reconnector struct {
	*line
	sid, pid, offset string
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	rest, _, _ = strings.Cut(rest, to)
	return rest
}

func connect(t *testing.T, w way, s *stage.Stage, ns, auth string) *reconnector {
	t.Helper()
	c := &reconnector{line: w.Dial(t, s)}
	prefix := ""
	if ns != "/" {
		prefix = ns + ","
	}
	c.Send("40" + prefix + "{" + auth + "}")
	got := c.Want("40" + prefix)
	c.sid, c.pid = between(got, `"sid":"`, `"`), between(got, `"pid":"`, `"`)
	// A client that is cut off before HandleConnection has returned is not recovered; its messages wait for that.
	c.Send("42" + prefix + `1["echo","in"]`)
	c.Want("43" + prefix + `1["in"]`)
	if err := s.Server.Emit(t.Context(), "news", "x"); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(c.Want("42"+prefix), `"`)
	c.offset = parts[len(parts)-2]
	return c
}

func (c *reconnector) cut(s *stage.Stage) {
	n := len(s.Reasons())
	if c.WS != nil {
		c.WS.Abort()
	} else {
		c.Poller.Abort()
	}
	s.WantReasons(n + 1)
}

// reconnect returns the answer to a CONNECT with the client's private id.
func (c *reconnector) reconnect(t *testing.T, w way, s *stage.Stage, ns, auth string) (l *line, sid string, in bool) {
	t.Helper()
	l = w.Dial(t, s)
	if auth != "" {
		auth += ","
	}
	prefix := ""
	if ns != "/" {
		prefix = ns + ","
	}
	l.Send("40" + prefix + "{" + auth + `"pid":"` + c.pid + `","offset":"` + c.offset + `"}`)
	got, ok := l.ReadTo("40", "44")
	return l, between(got, `"sid":"`, `"`), ok && strings.HasPrefix(got, "40")
}

// TestAudit_ComingBack: of the clients that send a client's private id only the client itself is recovered, once: not
// in another namespace, not with another's token or none, not if it was banned meanwhile or its token has expired,
// not twice at the same time, and not after the server has disconnected it.
func TestAudit_ComingBack(t *testing.T) {
	for _, skip := range []bool{false, true} {
		name := map[bool]string{false: "asked again", true: "SkipAdmit"}[skip]
		each(t, name, own, func(t *testing.T, w way) {
			jwts, err := jwtauth.New[jwt.RegisteredClaims](jwtauth.Options{Method: jwt.SigningMethodHS256, Key: secret})
			if err != nil {
				t.Fatal(err)
			}
			var banned atomic.Bool
			ban := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
				if c.Kind == pipeline.KindConnect && banned.Load() {
					return pipeline.ErrForbidden
				}
				return nil
			})
			s := w.Stage(t, stage.Gateway(websockets.NamespaceFunc("all", func(string) bool { return true }),
				socketio.Options{Recovery: &socketio.Recovery{SkipAdmit: skip}}, websockets.UseGuards(jwts, ban)))
			alice := token(t, "alice", time.Hour)

			c := connect(t, w, s, "/", alice)
			c.cut(s)
			if _, sid, in := c.reconnect(t, w, s, "/other", alice); !in || sid == c.sid {
				t.Errorf("in another namespace: in %t, recovered %t", in, sid == c.sid)
			}
			if _, sid, in := c.reconnect(t, w, s, "/", token(t, "bob", time.Hour)); !in || sid == c.sid {
				t.Errorf("another's token: in %t, recovered %t", in, sid == c.sid)
			}
			if _, _, in := c.reconnect(t, w, s, "/", token(t, "alice", -time.Second)); in {
				t.Error("an expired token is accepted")
			}
			if _, _, in := c.reconnect(t, w, s, "/", ""); in {
				t.Error("no token is accepted")
			}
			var wg sync.WaitGroup
			lines := make([]*line, 8)
			for i := range lines {
				lines[i] = w.Dial(t, s)
			}
			for _, l := range lines {
				wg.Go(func() {
					l.Send("40{" + alice + `,"pid":"` + c.pid + `","offset":"` + c.offset + `"}`)
					_, _ = l.ReadTo("40", "44")
				})
			}
			wg.Wait()
			// Each ends the one before it. Possibly none is recovered: a client that is ended before HandleConnection has
			// returned cannot be recovered.
			same := 0
			for other := range s.Server.Local().Clients() {
				if other.ID() == c.sid {
					same++
				}
			}
			if same > 1 {
				t.Errorf("of eight at the same time %d are the client", same)
			}
			for _, l := range lines {
				l.Leave()
			}

			c = connect(t, w, s, "/", alice)
			c.cut(s)
			banned.Store(true)
			_, sid, in := c.reconnect(t, w, s, "/", alice)
			if skip != (in && sid == c.sid) { // as documented for the option
				t.Errorf("banned: in %t, recovered %t", in, sid == c.sid)
			}
			banned.Store(false)

			c = connect(t, w, s, "/", alice)
			s.Server.Local().Disconnect()
			c.Want("41")
			if _, sid, in := c.reconnect(t, w, s, "/", alice); !in || sid == c.sid {
				t.Errorf("disconnected: in %t, recovered %t", in, sid == c.sid)
			}

			const brief = 4 * time.Second // long enough to connect twice on a busy machine
			c = connect(t, w, s, "/", token(t, "alice", brief))
			c.cut(s)
			if l, sid, in := c.reconnect(t, w, s, "/", alice); !in || sid != c.sid {
				t.Errorf("a newer token: in %t, recovered %t", in, sid == c.sid)
			} else { // the end of the old token does not end the new one
				<-time.After(brief + 500*time.Millisecond)
				l.Send(`427["echo","still here"]`)
				l.Want(`437["still here"]`)
			}
			c = connect(t, w, s, "/", alice)
			c.cut(s)
			l, sid, in := c.reconnect(t, w, s, "/", token(t, "alice", brief))
			if !in || sid != c.sid {
				t.Errorf("a shorter token: in %t, recovered %t", in, sid == c.sid)
			}
			for started := time.Now(); ; {
				p, ok := l.Read()
				if !ok || strings.HasPrefix(p, "41") {
					break
				}
				if time.Since(started) > brief+testkit.Patience/2 {
					t.Error("a recovered client outlives its token")
					break
				}
			}
		})
	}
}

// TestAudit_SameClient: if SameClient panics, exits, or returns false, no client is recovered, and the client
// connects as a new one; the saved state is not lost.
func TestAudit_SameClient(t *testing.T) {
	each(t, "modes", own, func(t *testing.T, w way) {
		var mode atomic.Value
		mode.Store("yes")
		s := w.Stage(t, stage.Gateway(socketio.Options{Recovery: &socketio.Recovery{
			SameClient: func(websockets.Client, *websockets.Handshake) bool {
				switch mode.Load() {
				case "panic":
					panic("of the application")
				case "no":
					return false
				}
				return true
			},
		}}))
		c := connect(t, w, s, "/", "")
		c.cut(s)
		for _, m := range []string{"panic", "no", "panic"} {
			mode.Store(m)
			if _, sid, in := c.reconnect(t, w, s, "/", ""); !in || sid == c.sid {
				t.Errorf("%s: in %t, recovered %t", m, in, sid == c.sid)
			}
		}
		mode.Store("yes")
		if _, sid, in := c.reconnect(t, w, s, "/", ""); !in || sid != c.sid {
			t.Errorf("yes: in %t, recovered %t", in, sid == c.sid)
		}
	})
}
