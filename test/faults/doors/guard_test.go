package doors_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// handshakeGuard is a guard that runs on the request that opens a connection.
type handshakeGuard func(context.Context, *pipeline.Call) error

func (handshakeGuard) Check(context.Context, *pipeline.Call) error { return nil }

func (g handshakeGuard) CheckHandshake(ctx context.Context, c *pipeline.Call) error { return g(ctx, c) }

// guarded binds a guard that is controlled by the header X-Guard; on plain WebSocket and Socket.IO it runs on the
// request, with inside it runs on a namespace.
func guarded(f func(context.Context) error) stage.Option {
	return stage.App(app.UseGuards(handshakeGuard(func(ctx context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get("X-Guard") == "" {
			return nil
		}
		return f(ctx)
	})))
}

func inside(f func(context.Context) error) stage.Option {
	return stage.Gateway(websockets.UseGuards(func(ctx context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get("X-Guard") == "" {
			return nil
		}
		return f(ctx)
	}))
}

// enterRefused enters the main namespace and expects an error with the text.
func enterRefused(t *testing.T, d *endpoint, text string) {
	t.Helper()
	e := rawpeer.NewEngine(t, d.Addr)
	e.Lines = []string{"X-Guard: yes"}
	var w rawpeer.Wire = e.Poll()
	if !d.polling {
		w = e.WebSocket()
	}
	defer w.Abort()
	w.Send("40")
	if got := w.Read(); !strings.HasPrefix(got, "44{") || !strings.Contains(got, text) {
		t.Errorf("got %.200q, want a refusal with %q", got, text)
	}
}

// TestFault_F13_GuardThatBlocks: A handshake whose guard never returns is refused with 503 after HandshakeTimeout,
// even if the guard ignores its context; so is a namespace, and other clients are accepted meanwhile.
func TestFault_F13_GuardThatBlocks(t *testing.T) {
	limits := stage.Limits(websockets.Limits{HandshakeTimeout: 800 * time.Millisecond, CloseTimeout: 800 * time.Millisecond})
	for _, deaf := range []bool{false, true} {
		t.Run(fmt.Sprintf("deaf %t", deaf), func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			block := func(ctx context.Context) error {
				if deaf {
					<-release
					return nil
				}
				<-ctx.Done()
				return ctx.Err()
			}
			eachEndpoint(t, []stage.Option{guarded(block), limits}, func(t *testing.T, d *endpoint) {
				waits := rawpeer.Dial(t, d.Addr)
				waits.Write(d.request("X-Guard: yes"))
				d.alive() // meanwhile
				if a := waits.Answer(); a.Status < 500 {
					t.Errorf("answered %d %s", a.Status, a.Body)
				} else if deaf && (a.Status != http.StatusServiceUnavailable || !strings.Contains(a.Body, "Handshake timeout")) {
					t.Errorf("answered %d %s", a.Status, a.Body)
				}
				d.alive()
			})
			eachEndpoint(t, []stage.Option{inside(block), limits}, func(t *testing.T, d *endpoint) {
				enterRefused(t, d, "message")
				d.alive()
			}, overWS, byPolling)
		})
	}
}

// TestFault_F14_GuardThatPanics: A handshake whose guard panics is answered with 500 without the panic's text, a
// namespace likewise, and the server stays alive.
func TestFault_F14_GuardThatPanics(t *testing.T) {
	for name, fail := range map[string]func(context.Context) error{
		"panic": func(context.Context) error { panic("the secret of the guard") },
		"index": func(context.Context) error { return []error{}[len(secret)] },
		"abort": func(context.Context) error { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			eachEndpoint(t, []stage.Option{guarded(fail)}, func(t *testing.T, d *endpoint) {
				for range 10 {
					a := d.handshake("X-Guard: yes")
					if a.Status != 500 || !strings.Contains(a.Body, "Internal server error") || strings.Contains(a.Body, "secret") {
						t.Errorf("answered %d %s", a.Status, a.Body)
					}
				}
				d.alive()
				if !strings.Contains(d.Log.String(), "level=ERROR") {
					t.Error("nothing was logged")
				}
			})
			eachEndpoint(t, []stage.Option{inside(fail)}, func(t *testing.T, d *endpoint) {
				enterRefused(t, d, "Internal server error")
				d.alive()
			}, overWS, byPolling)
		})
	}
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func token(t *testing.T, method jwt.SigningMethod, key any, change func(*jwt.RegisteredClaims)) string {
	t.Helper()
	c := jwt.RegisteredClaims{
		Subject: "ann", Audience: jwt.ClaimStrings{"chat"}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}
	if change != nil {
		change(&c)
	}
	text, err := jwt.NewWithClaims(method, c).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func tokenGuard(t *testing.T) stage.Option {
	t.Helper()
	g, err := jwtauth.New[jwt.RegisteredClaims](jwtauth.Options{
		Method: jwt.SigningMethodHS256, Key: secret, Audience: []string{"chat"}, Sources: []jwtauth.Source{jwtauth.Header()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return stage.App(app.UseGuards(g))
}

// TestFault_F15_BadTokens: A token with alg none, of another key, expired, for another audience, not valid yet, of 8
// KB or in pieces is refused with 401 by every kind of handshake, before a session exists.
func TestFault_F15_BadTokens(t *testing.T) {
	hs := jwt.SigningMethodHS256
	at := func(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(time.Now().Add(d)) }
	good := token(t, hs, secret, nil)
	bad := map[string]string{
		"none":       token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"other key":  token(t, hs, []byte("another key of the same length!!"), nil),
		"other alg":  token(t, jwt.SigningMethodHS512, append(secret, secret...), nil),
		"expired":    token(t, hs, secret, func(c *jwt.RegisteredClaims) { c.ExpiresAt = at(-time.Minute) }),
		"no end":     token(t, hs, secret, func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }),
		"audience":   token(t, hs, secret, func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"bank"} }),
		"not before": token(t, hs, secret, func(c *jwt.RegisteredClaims) { c.NotBefore = at(time.Hour) }),
		"8 KB":       token(t, hs, secret, func(c *jwt.RegisteredClaims) { c.ID = strings.Repeat("x", 8<<10) }),
		"no parts":   "ann", "two parts": good[:strings.LastIndexByte(good, '.')], "stripped": good[:strings.LastIndexByte(good, '.')+1],
		"dots": strings.Repeat(".", 4000), "empty": "", "bytes": "\xff\xfe.\x80.\x80",
	}
	eachEndpoint(t, []stage.Option{tokenGuard(t)}, func(t *testing.T, d *endpoint) {
		for name, text := range bad {
			a := d.handshake("Authorization: Bearer " + text)
			if a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		if a := d.handshake(); d.name == plain && a.Status != http.StatusUnauthorized { // Socket.IO has auth
			t.Errorf("none at all: %d", a.Status)
		}
		if a := d.handshake("Authorization: Bearer " + good); a.Status != d.opened() {
			t.Errorf("the valid one: %d %s", a.Status, a.Body)
		}
		if log := d.Log.String(); strings.Contains(log, good) || strings.Contains(log, bad["expired"]) {
			t.Error("a token was logged")
		}
		if d.name == plain {
			d.WantGone(1)
		}
	})
}

// TestFault_F16_TokenThatEnds: A client whose token expires while it is connected gets an exception and is
// disconnected, with close code 4401 on plain WebSocket, even if it sends nothing.
func TestFault_F16_TokenThatEnds(t *testing.T) {
	eachEndpoint(t, []stage.Option{tokenGuard(t)}, func(t *testing.T, d *endpoint) {
		short := "Authorization: Bearer " + token(t, jwt.SigningMethodHS256, secret, func(c *jwt.RegisteredClaims) {
			c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(3 * time.Second)) // whole seconds
		})
		if d.name == plain {
			p := rawpeer.Open(t, d.Addr, d.target, rawpeer.WithLines(short))
			rawpeer.EchoWS(t, p, "in time")
			if got := p.Text(); !strings.Contains(got, `"exception"`) || !strings.Contains(got, jwtauth.CodeExpired) {
				t.Errorf("got %s", got)
			}
			p.WantClose(jwtauth.CloseExpired)
		} else {
			e := rawpeer.NewEngine(t, d.Addr)
			e.Lines = []string{short}
			var w rawpeer.Wire = e.Poll()
			if !d.polling {
				w = e.WebSocket()
			}
			rawpeer.Enter(t, w, "/", "")
			rawpeer.Echo(t, w, "in time")
			if got := w.Read(); !strings.HasPrefix(got, `42["exception"`) || !strings.Contains(got, jwtauth.CodeExpired) {
				t.Errorf("got %s", got)
			}
			rawpeer.WantPacket(t, w, "41")
			w.Abort()
		}
		d.WantGone(1)
	})
}

// TestFault_F18_CrowdFromOneAddress: Of 1,000 connections from one address ratelimit.Connections accepts as many as
// it allows, and the others are refused with 429 before a session exists.
func TestFault_F18_CrowdFromOneAddress(t *testing.T) {
	const crowd, most = 1000, 50
	for _, name := range []string{plain, overWS, byPolling} {
		limit := stage.App(app.UseGuards(ratelimit.Connections(rate.Every(time.Hour), most)))
		eachEndpoint(t, []stage.Option{limit}, func(t *testing.T, d *endpoint) {
			in := 0
			for range crowd {
				switch a := d.handshake(); {
				case a.Status == d.opened():
					in++
				case a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "":
					t.Fatalf("refused with %d %v", a.Status, a.Header)
				}
			}
			if in != most {
				t.Errorf("%d were accepted, want %d", in, most)
			}
			if d.name == plain {
				d.WantGone(most)
			}
			if d.Connects() > most {
				t.Errorf("the gateway saw %d", d.Connects())
			}
			d.quiet()
		}, name)
	}
}

// TestFault_F19_SpoofedProxyHeaders: X-Forwarded-For and similar headers change a client's address only if the
// request comes from a trusted proxy, and then only the address that the proxy itself has added counts.
func TestFault_F19_SpoofedProxyHeaders(t *testing.T) {
	local := app.TrustedProxies("127.0.0.0/8")
	for name, tt := range map[string]struct {
		opts   []app.Option
		header func(i int) []string
		in     int // of ten, where an address may have three
	}{
		"not trusted": {nil, func(i int) []string {
			ip := fmt.Sprintf("192.0.2.%d", i)
			return []string{"X-Forwarded-For: " + ip, "X-Real-IP: " + ip, "Forwarded: for=" + ip, "True-Client-IP: " + ip, "CF-Connecting-IP: " + ip}
		}, 3},
		"trusted": {[]app.Option{local}, func(i int) []string {
			return []string{fmt.Sprintf("X-Forwarded-For: 192.0.2.%d", i)}
		}, 10},
		"trusted, lied to": {[]app.Option{local}, func(i int) []string {
			return []string{fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", i), "X-Forwarded-For: 192.0.2.1"}
		}, 3},
		"trusted, lied to in one line": {[]app.Option{local}, func(i int) []string {
			return []string{fmt.Sprintf("X-Forwarded-For: 198.51.100.%d, 192.0.2.1", i)}
		}, 3},
		"trusted, nonsense": {[]app.Option{local}, func(i int) []string {
			return []string{fmt.Sprintf("X-Forwarded-For: 192.0.2.%d, unknown%d", i, i)}
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			for _, way := range []string{plain, overWS, byPolling} {
				eachEndpoint(t, []stage.Option{stage.App(append(tt.opts, app.UseGuards(ratelimit.Connections(0, 3)))...)}, func(t *testing.T, d *endpoint) {
					in := 0
					for i := range 10 {
						if a := d.handshake(tt.header(i)...); a.Status == d.opened() {
							in++
						}
					}
					if in != tt.in {
						t.Errorf("%d of 10 were accepted, want %d", in, tt.in)
					}
				}, way)
			}
		})
	}
}
