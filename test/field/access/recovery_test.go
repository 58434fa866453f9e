package access_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var secret = []byte("a secret of thirty-two bytes....")

func token(t *testing.T, issuer, subject string) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Issuer: issuer, Subject: subject, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// tokens is a guard for the tokens of [token].
func tokens(t *testing.T) *jwtauth.Guard[jwt.RegisteredClaims] {
	t.Helper()
	g, err := jwtauth.New[jwt.RegisteredClaims](jwtauth.Options{Method: jwt.SigningMethodHS256, Key: secret})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// recoveryStage is a stage with recovery. Each client is in the room "news".
type recoveryStage struct {
	*stage.Stage
	t *testing.T
	w way
}

func newRecoveryStage(t *testing.T, w way, r socketio.Recovery, opts ...websockets.Option) *recoveryStage {
	t.Helper()
	m := &recoveryStage{t: t, w: w}
	m.Stage = w.Stage(t, stage.Gateway(append(opts, socketio.Options{Recovery: &r})...),
		stage.Handle(websockets.Listen("subscribe", func(ctx context.Context, _ struct{}) error {
			return websockets.ClientFrom(ctx).Join("news")
		})))
	return m
}

// returningClient is what a page remembers.
type returningClient struct {
	l                *line
	sid, pid, offset string
}

// visit enters, joins the room and receives a first event.
func (m *recoveryStage) visit(auth string) *returningClient {
	m.t.Helper()
	v := &returningClient{l: m.w.dial(m.t, m.Stage)}
	v.l.Send("40{" + auth + "}")
	v.entered(v.l.Want("40"))
	v.l.Send(`421["subscribe"]`)
	v.l.Want("431")
	m.publish("first")
	v.read("first")
	return v
}

func (v *returningClient) entered(packet string) {
	_, rest, _ := strings.Cut(packet, `"sid":"`)
	v.sid, _, _ = strings.Cut(rest, `"`)
	_, rest, _ = strings.Cut(packet, `"pid":"`)
	v.pid, _, _ = strings.Cut(rest, `"`)
}

func (m *recoveryStage) publish(text string) {
	m.t.Helper()
	if err := m.Server.To("news").Emit(context.Background(), "news", text); err != nil {
		m.t.Fatal(err)
	}
}

func (v *returningClient) read(text string) {
	v.l.T.Helper()
	got := v.l.Want(`42["news","` + text)
	parts := strings.Split(got, `"`)
	v.offset = parts[len(parts)-2]
}

// cut cuts the connection, and waits until the server has noticed.
func (m *recoveryStage) cut(v *returningClient) {
	m.t.Helper()
	n := len(m.Reasons())
	if v.l.WS != nil {
		v.l.WS.Abort()
	} else {
		v.l.Poller.Abort()
	}
	m.WantReasons(n + 1)
}

// reconnect reconnects with what a page remembers, and reports whether it was recovered.
func (m *recoveryStage) reconnect(v *returningClient, auth string) (b *returningClient, recovered bool) {
	m.t.Helper()
	b = &returningClient{l: m.w.dial(m.t, m.Stage), offset: v.offset}
	if auth != "" {
		auth += ","
	}
	b.l.Send(`40{` + auth + `"pid":"` + v.pid + `","offset":"` + v.offset + `"}`)
	b.entered(b.l.Want("40"))
	return b, b.sid == v.sid
}

// wantEvents checks the events that the returningClient receives before the answer to an echo.
func (v *returningClient) wantEvents(want ...string) {
	v.l.T.Helper()
	v.l.Send(`429["echo","."]`)
	var got []string
	for {
		p, ok := v.l.Read()
		if !ok {
			v.l.T.Fatal("the connection has ended")
		}
		if strings.HasPrefix(p, "439") {
			break
		}
		if rest, ok := strings.CutPrefix(p, `42["news","`); ok {
			text, _, _ := strings.Cut(rest, `"`)
			got = append(got, text)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		v.l.T.Errorf("it receives %q, want %q", got, want)
	}
}

func as(token string) string { return `"token":"` + token + `"` }

// TestField_X15_AnothersToken: Events that a client missed while its connection was lost, and its rooms, are not
// passed to a client with a valid token of another subject or issuer that sends the client's private id, as a page
// does after another user has logged in. That one connects as a new client, and the client itself is recovered
// afterwards. The same with SkipAdmit.
func TestField_X15_AnothersToken(t *testing.T) {
	each(t, own, func(t *testing.T, w way) {
		for _, skip := range []bool{false, true} {
			m := newRecoveryStage(t, w, socketio.Recovery{SkipAdmit: skip}, websockets.UseGuards(tokens(t)))
			alice := m.visit(as(token(t, "issuer", "alice")))
			m.cut(alice)
			m.publish("secret")
			for _, stranger := range []string{token(t, "issuer", "bob"), token(t, "elsewhere", "alice"), token(t, "issuera", "lice"), token(t, "issuer", "")} {
				bob, recovered := m.reconnect(alice, as(stranger))
				if recovered || bob.pid == alice.pid {
					t.Error("another client was recovered as alice")
				}
				m.publish("more")
				bob.wantEvents()
				if n := m.Server.To("news").Local().Len(); n != 0 {
					t.Errorf("%d clients are in the room", n)
				}
			}
			again, recovered := m.reconnect(alice, as(token(t, "issuer", "alice"))) // a new token of the same subject
			if !recovered {
				t.Fatalf("alice was not recovered (SkipAdmit %t)", skip)
			}
			again.wantEvents("secret", "more", "more", "more", "more")
			if n := m.Server.To("news").Local().Len(); n != 1 {
				t.Errorf("%d clients are in the room", n)
			}
		}
	})
}

// TestField_X15_BadTokenOnTheWayBack: A client without a valid token that sends another client's private id is
// refused, with SkipAdmit too, and the other client is recovered afterwards.
func TestField_X15_BadTokenOnTheWayBack(t *testing.T) {
	each(t, own, func(t *testing.T, w way) {
		for _, skip := range []bool{false, true} {
			m := newRecoveryStage(t, w, socketio.Recovery{SkipAdmit: skip}, websockets.UseGuards(tokens(t)))
			auth := as(token(t, "issuer", "alice"))
			alice := m.visit(auth)
			m.cut(alice)
			m.publish("secret")
			for _, bad := range []string{"", as("nonsense") + ","} {
				l := w.dial(t, m.Stage)
				l.Send(`40{` + bad + `"pid":"` + alice.pid + `","offset":"` + alice.offset + `"}`)
				l.Want("44")
			}
			again, recovered := m.reconnect(alice, auth)
			if !recovered {
				t.Fatal("alice was not recovered")
			}
			again.wantEvents("secret")
		}
	})
}

// TestField_X15_ClientThatIsHere: A client that sends the private id of a connected client of another user does not
// end its connection.
func TestField_X15_ClientThatIsHere(t *testing.T) {
	each(t, own, func(t *testing.T, w way) {
		m := newRecoveryStage(t, w, socketio.Recovery{}, websockets.UseGuards(tokens(t)))
		alice := m.visit(as(token(t, "issuer", "alice")))
		bob, recovered := m.reconnect(alice, as(token(t, "issuer", "bob")))
		if recovered {
			t.Error("another client was recovered as alice")
		}
		m.publish("second")
		bob.wantEvents()
		alice.read("second")
		if _, recovered := m.reconnect(alice, as(token(t, "issuer", "alice"))); !recovered {
			t.Error("alice, on another connection, was not recovered")
		}
	})
}

// TestField_X15_PrivateIDAlone: Without guards, or with rate limits only, the private id is enough to be recovered,
// as on Node.
func TestField_X15_PrivateIDAlone(t *testing.T) {
	each(t, own, func(t *testing.T, w way) {
		limits := websockets.UseGuards(ratelimit.Connections(1000, 1000), ratelimit.Messages(1000, 1000), ratelimit.Requests(1, 1),
			ratelimit.By(func(context.Context, *pipeline.Call) (string, bool) { return "all", true }, 1000, 1000))
		for _, opts := range [][]websockets.Option{nil, {limits}} {
			m := newRecoveryStage(t, w, socketio.Recovery{}, opts...)
			v := m.visit("")
			m.cut(v)
			m.publish("missed")
			again, recovered := m.reconnect(v, "")
			if !recovered {
				t.Fatal("it was not recovered")
			}
			again.wantEvents("missed")
		}
	})
}

// user is the user found by a check.
var user = websockets.NewKey[string]("user")

// TestField_X15_GuardsWithoutIdentity: If guards or Admit accept clients without identifying them, no client is
// recovered, and one line in the log says so; with an Identity or SameClient the same client is.
func TestField_X15_GuardsWithoutIdentity(t *testing.T) {
	identity := pipeline.NewIdentity("name")
	name := func(d pipeline.Decoder) string {
		var auth struct{ Name string }
		if d != nil {
			_ = d.Decode(&auth)
		}
		return auth.Name
	}
	admit := websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
		user.Set(h, name(h.Auth))
		return nil
	})
	identify := websockets.UseGuards(pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Kind == pipeline.KindConnect {
			identity.Set(c, name(c.Auth))
		}
		return nil
	}))
	same := func(old websockets.Client, h *websockets.Handshake) bool {
		a, _ := user.Get(old)
		b, _ := user.Get(h)
		return a == b && a != ""
	}
	each(t, own, func(t *testing.T, w way) {
		for _, c := range []struct {
			name     string
			opt      websockets.Option
			recovery socketio.Recovery
			recovers bool // the same client is recovered
		}{
			{"Admit", admit, socketio.Recovery{}, false},
			{"guard", websockets.UseGuards(pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return nil })), socketio.Recovery{}, false},
			{"identity", identify, socketio.Recovery{}, true},
			{"SameClient", admit, socketio.Recovery{SameClient: same}, true},
			{"SameClient that panics", admit, socketio.Recovery{SameClient: func(websockets.Client, *websockets.Handshake) bool {
				panic("of the application")
			}}, false},
		} {
			m := newRecoveryStage(t, w, c.recovery, c.opt)
			alice := m.visit(`"name":"alice"`)
			m.cut(alice)
			m.publish("secret")
			for range 2 {
				bob, recovered := m.reconnect(alice, `"name":"bob"`)
				if recovered {
					t.Errorf("%s: another client was recovered", c.name)
				}
				bob.wantEvents()
			}
			again, recovered := m.reconnect(alice, `"name":"alice"`)
			if recovered != c.recovers {
				t.Errorf("%s: recovered: %t", c.name, recovered)
			}
			if recovered {
				again.wantEvents("secret")
			}
			want := 0
			if !c.recovers && c.recovery.SameClient == nil {
				want = 1
			}
			if n := strings.Count(m.Log.String(), "clients are not recovered"); n != want {
				t.Errorf("%s: logged %d times, want %d", c.name, n, want)
			}
		}
	})
}
