package jwtauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

type claims struct {
	jwt.RegisteredClaims
	Name string `json:"name"`
}

var (
	noon        = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	secret      = []byte(strings.Repeat("0123456789abcdef", 4))
	otherSecret = []byte(strings.Repeat("fedcba9876543210", 4))
)

// keys are expensive to generate.
type keys struct {
	rsa, weak *rsa.PrivateKey
	p256      *ecdsa.PrivateKey
	ed        ed25519.PrivateKey
}

var makeKeys = sync.OnceValue(func() (k keys) {
	var err error
	must := func(e error) {
		if e != nil {
			panic(e)
		}
	}
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.weak, err = rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	k.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	_, k.ed, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	return k
})

// pemOf returns a public key as PEM, as an attacker may have it.
func pemOf(key *rsa.PublicKey) []byte {
	der, _ := x509.MarshalPKIXPublicKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func options() Options {
	return Options{
		Method: jwt.SigningMethodHS256, Key: secret, Issuer: "https://id.example.com", Audience: []string{"chat", "admin"},
		Sources: []Source{Header(), Auth("token"), Cookie("token"), Subprotocol("bearer")},
	}
}

// goodClaims returns claims that are valid for five minutes from noon.
func goodClaims() claims {
	return claims{jwt.RegisteredClaims{
		Issuer: "https://id.example.com", Subject: "u1", Audience: jwt.ClaimStrings{"chat"},
		ExpiresAt: jwt.NewNumericDate(noon.Add(5 * time.Minute)), NotBefore: jwt.NewNumericDate(noon),
	}, "Ann"}
}

// with returns goodClaims with a change.
func with(change func(*claims)) claims {
	c := goodClaims()
	change(&c)
	return c
}

func sign(m jwt.SigningMethod, key any, c jwt.Claims) string {
	s, err := jwt.NewWithClaims(m, c).SignedString(key)
	if err != nil {
		panic(err)
	}
	return s
}

func hs256(c jwt.Claims) string { return sign(jwt.SigningMethodHS256, secret, c) }

func good() string { return hs256(goodClaims()) }

// lasting returns a token that is valid for d from noon.
func lasting(d time.Duration, change ...func(*claims)) string {
	c := goodClaims()
	c.ExpiresAt = jwt.NewNumericDate(noon.Add(d))
	for _, f := range change {
		f(&c)
	}
	return hs256(c)
}

// forged returns a token of any header and payload, signed with the right secret.
func forged(header, payload string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	sig, _ := jwt.SigningMethodHS256.Sign(text, secret)
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// respelled changes the unused bits of the last base64 letter.
func respelled(token string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(letters, token[len(token)-1])
	return token[:len(token)-1] + string(letters[last^1])
}

type denied struct {
	name, token, code string
}

// badTokens returns tokens that a guard with options() rejects.
func badTokens() []denied {
	k := makeKeys()
	g := good()
	parts := strings.Split(g, ".")
	none, _ := jwt.NewWithClaims(jwt.SigningMethodNone, goodClaims()).SignedString(jwt.UnsafeAllowNoneSignatureType)
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	other := strings.Split(hs256(with(func(c *claims) { c.Name = "Eve" })), ".")
	return []denied{
		{"missing", "", CodeMissing},
		{"expired", hs256(with(func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(noon) })), CodeExpired},
		{"not yet valid", hs256(with(func(c *claims) { c.NotBefore = jwt.NewNumericDate(noon.Add(time.Second)) })), CodeInvalid},
		{"without expiry", hs256(with(func(c *claims) { c.ExpiresAt = nil })), CodeInvalid},
		{"another audience", hs256(with(func(c *claims) { c.Audience = jwt.ClaimStrings{"shop"} })), CodeInvalid},
		{"no audience", hs256(with(func(c *claims) { c.Audience = nil })), CodeInvalid},
		{"another issuer", hs256(with(func(c *claims) { c.Issuer = "https://evil.example" })), CodeInvalid},
		{"no issuer", hs256(with(func(c *claims) { c.Issuer = "" })), CodeInvalid},
		{"another key", sign(jwt.SigningMethodHS256, otherSecret, goodClaims()), CodeInvalid},
		{"another key, expired", sign(jwt.SigningMethodHS256, otherSecret, with(func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(noon) })), CodeInvalid},
		{"another method, same key", sign(jwt.SigningMethodHS512, secret, goodClaims()), CodeInvalid},
		{"RS256 where HS256 is", sign(jwt.SigningMethodRS256, k.rsa, goodClaims()), CodeInvalid},
		{"alg none", none, CodeInvalid},
		{"alg none, signed", forged(`{"alg":"none"}`, `{"sub":"u1"}`), CodeInvalid},
		{"alg nOnE", forged(`{"alg":"nOnE"}`, `{"sub":"u1"}`), CodeInvalid},
		{"no alg", forged(`{"typ":"JWT"}`, `{"sub":"u1"}`), CodeInvalid},
		{"an unknown extension", forged(`{"alg":"HS256","crit":["exp2"],"exp2":1}`, string(payload)), CodeInvalid},
		{"alg is a number", forged(`{"alg":256}`, `{"sub":"u1"}`), CodeInvalid},
		{"8 KB", hs256(with(func(c *claims) { c.Name = strings.Repeat("x", 8<<10) })), CodeInvalid},
		{"one word", "secret-word", CodeInvalid},
		{"two parts", parts[0] + "." + parts[1], CodeInvalid},
		{"five parts", g + ".e30.e30", CodeInvalid},
		{"no signature", parts[0] + "." + parts[1] + ".", CodeInvalid},
		{"another's payload", parts[0] + "." + other[1] + "." + parts[2], CodeInvalid},
		{"not base64", parts[0] + ".!!!." + parts[2], CodeInvalid},
		{"padded", g + "=", CodeInvalid},
		{"the same signature in another encoding", respelled(g), CodeInvalid},
		{"not JSON", forged(`{"alg":"HS256"}`, `secret-word`), CodeInvalid},
		{"null", forged(`{"alg":"HS256"}`, `null`), CodeInvalid},
		{"a claim of another type", forged(`{"alg":"HS256"}`, `{"name":424242}`), CodeInvalid},
		{"an expiry that is a string", forged(`{"alg":"HS256"}`, `{"exp":"tomorrow"}`), CodeInvalid},
	}
}

func newTestGuard(t testing.TB, o Options) (*Guard[claims], *fakeClock) {
	t.Helper()
	clk := newFakeClock()
	g, err := newGuard[claims](o, clk)
	if err != nil {
		t.Fatal(err)
	}
	return g, clk
}

func request(header ...string) *http.Request {
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://example.com/", http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// bearer returns a call with a token in its Authorization header.
func bearer(kind pipeline.Kind, token string) *pipeline.Call {
	c := &pipeline.Call{Kind: kind, Request: request()}
	if token != "" {
		c.Request.Header.Set("Authorization", "Bearer "+token)
	}
	return c
}

// wantDenied checks an error, and that it does not contain the token.
func wantDenied(t *testing.T, err error, code, token string) {
	t.Helper()
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *pipeline.Error", err)
	}
	want := map[string][2]string{
		CodeMissing: {"Token missing", "Bearer"},
		CodeExpired: {"Token expired", `Bearer error="invalid_token"`},
		CodeInvalid: {"Token invalid", `Bearer error="invalid_token"`},
	}[code]
	if e.Code != code || e.Message != want[0] || e.Status != 401 || e.Header.Get("WWW-Authenticate") != want[1] || e.Details != nil {
		t.Errorf("got %+v, want code %s, message and header %q", e, code, want)
	}
	if code != CodeMissing && e.Err == nil {
		t.Error("the error has no cause")
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 3 && strings.Contains(err.Error(), part) {
			t.Errorf("the error contains a part of the token: %v", err)
		}
	}
	for _, word := range []string{"secret-word", "424242", "tomorrow"} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("the error quotes the token: %v", err)
		}
	}
}

// fakeClock moves only when a test calls forward.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*fakeTimer]time.Time // active ones, with their due time
}

type fakeTimer struct {
	clock *fakeClock
	f     func()
}

func newFakeClock() *fakeClock { return &fakeClock{now: noon, timers: map[*fakeTimer]time.Time{}} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) timer {
	t := &fakeTimer{c, f}
	t.Reset(d)
	return t
}

func (t *fakeTimer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, was := t.clock.timers[t]
	t.clock.timers[t] = t.clock.now.Add(d)
	return was
}

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, was := t.clock.timers[t]
	delete(t.clock.timers, t)
	return was
}

// waiting returns the number of active timers.
func (c *fakeClock) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// forward moves the clock and runs due timers, one after another.
func (c *fakeClock) forward(d time.Duration) {
	c.mu.Lock()
	target := c.now.Add(d)
	c.mu.Unlock()
	for {
		c.mu.Lock()
		var next *fakeTimer
		for t, at := range c.timers {
			if !at.After(target) && (next == nil || at.Before(c.timers[next])) {
				next = t
			}
		}
		if next == nil {
			c.now = target
			c.mu.Unlock()
			return
		}
		if at := c.timers[next]; at.After(c.now) {
			c.now = at
		}
		delete(c.timers, next)
		c.mu.Unlock()
		next.f()
	}
}
