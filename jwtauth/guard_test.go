package jwtauth

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

var kinds = []pipeline.Kind{pipeline.KindHTTP, pipeline.KindConnect, pipeline.KindMessage}

func TestCheckRejects(t *testing.T) {
	g, _ := newTestGuard(t, options())
	for _, tt := range badTokens() {
		t.Run(tt.name, func(t *testing.T) {
			for _, kind := range kinds {
				c := bearer(kind, tt.token)
				wantDenied(t, g.Check(t.Context(), c), tt.code, tt.token)
				if got, ok := g.Get(c); ok || got.Subject != "" {
					t.Errorf("%s: claims %+v of a rejected token", kind, got)
				}
			}
		})
	}
}

func TestCheckAccepts(t *testing.T) {
	k := makeKeys()
	for _, tt := range []struct {
		name   string
		change func(*Options)
		token  string
	}{
		{"HS256", func(*Options) {}, good()},
		{"RS256", func(o *Options) { o.Method, o.Key = jwt.SigningMethodRS256, &k.rsa.PublicKey }, sign(jwt.SigningMethodRS256, k.rsa, goodClaims())},
		{"PS256", func(o *Options) { o.Method, o.Key = jwt.SigningMethodPS256, &k.rsa.PublicKey }, sign(jwt.SigningMethodPS256, k.rsa, goodClaims())},
		{"ES256", func(o *Options) { o.Method, o.Key = jwt.SigningMethodES256, &k.p256.PublicKey }, sign(jwt.SigningMethodES256, k.p256, goodClaims())},
		{"EdDSA", func(o *Options) { o.Method, o.Key = jwt.SigningMethodEdDSA, k.ed.Public() }, sign(jwt.SigningMethodEdDSA, k.ed, goodClaims())},
		{"the second of two keys", func(o *Options) {
			o.Key = jwt.VerificationKeySet{Keys: []jwt.VerificationKey{otherSecret, secret}}
		}, good()},
		{"the second audience", func(*Options) {}, hs256(with(func(c *claims) { c.Audience = jwt.ClaimStrings{"shop", "admin"} }))},
		{"issuer and audience not checked", func(o *Options) { o.Issuer, o.Audience = "", nil },
			hs256(with(func(c *claims) { c.Issuer, c.Audience, c.NotBefore = "anyone", nil, nil }))},
		{"without expiry", func(o *Options) { o.AllowNoExpiry = true }, hs256(with(func(c *claims) { c.ExpiresAt = nil }))},
		{"expired within the leeway", func(o *Options) { o.Leeway = 2 * time.Second },
			hs256(with(func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(noon.Add(-time.Second)) }))},
		{"not yet valid within the leeway", func(o *Options) { o.Leeway = 2 * time.Second },
			hs256(with(func(c *claims) { c.NotBefore = jwt.NewNumericDate(noon.Add(2 * time.Second)) }))},
		{"of maximum length", func(o *Options) { o.MaxBytes = len(good()) }, good()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options()
			tt.change(&o)
			g, _ := newTestGuard(t, o)
			for _, kind := range kinds {
				c := bearer(kind, tt.token)
				if err := g.Check(t.Context(), c); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if got, ok := g.Get(c); !ok || got.Name != "Ann" || got.Subject != "u1" {
					t.Errorf("%s: Get returns %+v, %t", kind, got, ok)
				}
				if got, ok := g.From(pipeline.WithHolder(t.Context(), c)); !ok || got.Name != "Ann" {
					t.Errorf("%s: From returns %+v, %t", kind, got, ok)
				}
			}
		})
	}
}

// A token signed with the public key as HMAC secret is rejected.
func TestPublicKeyAsSecret(t *testing.T) {
	k := makeKeys()
	o := options()
	o.Method, o.Key = jwt.SigningMethodRS256, &k.rsa.PublicKey
	g, _ := newTestGuard(t, o)
	token := sign(jwt.SigningMethodHS256, pemOf(&k.rsa.PublicKey), goodClaims())
	wantDenied(t, g.Check(t.Context(), bearer(pipeline.KindHTTP, token)), CodeInvalid, token)

	o.Method, o.Key = jwt.SigningMethodEdDSA, k.ed.Public() // its underlying type is []byte
	g, _ = newTestGuard(t, o)
	token = sign(jwt.SigningMethodHS256, []byte(k.ed.Public().(ed25519.PublicKey)), goodClaims())
	wantDenied(t, g.Check(t.Context(), bearer(pipeline.KindHTTP, token)), CodeInvalid, token)
}

func TestStoredClaimsExpire(t *testing.T) {
	o := options()
	o.Leeway = time.Second
	g, clk := newTestGuard(t, o)
	c := bearer(pipeline.KindMessage, good())
	check := func(ctx context.Context) error { return g.Check(ctx, c) }
	if err := check(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Request = nil // the token is not read again
	clk.forward(5*time.Minute + time.Second - 1)
	if err := check(t.Context()); err != nil {
		t.Errorf("just before expiry: %v", err)
	}
	clk.forward(1)
	err := check(t.Context())
	wantDenied(t, err, CodeExpired, good())
	if !errors.Is(err, jwt.ErrTokenExpired) {
		t.Errorf("cause %v", err)
	}
}

func TestFromWithoutClaims(t *testing.T) {
	g, _ := newTestGuard(t, options())
	if _, ok := g.From(t.Context()); ok {
		t.Error("claims from nowhere")
	}
	other, _ := newTestGuard(t, options())
	c := bearer(pipeline.KindHTTP, good())
	if err := other.Check(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, ok := g.From(pipeline.WithHolder(t.Context(), c)); ok {
		t.Error("claims of another guard")
	}
}

type pickyClaims struct {
	jwt.RegisteredClaims
	Use string `json:"use"`
}

var errBanned = &pipeline.Error{Message: "Banned", Code: "banned", Status: http.StatusForbidden}

func (c *pickyClaims) Validate() error {
	switch c.Use {
	case "refresh":
		return errors.New("a refresh token")
	case "banned":
		return errBanned
	}
	return nil
}

func TestClaimsValidate(t *testing.T) {
	clk := newFakeClock()
	g, err := newGuard[pickyClaims](options(), clk)
	if err != nil {
		t.Fatal(err)
	}
	check := func(use string) error {
		token := hs256(&pickyClaims{goodClaims().RegisteredClaims, use})
		return g.Check(t.Context(), bearer(pipeline.KindHTTP, token))
	}
	if err := check("access"); err != nil {
		t.Error(err)
	}
	err = check("refresh")
	wantDenied(t, err, CodeInvalid, "")
	if !strings.Contains(err.Error(), "a refresh token") {
		t.Errorf("cause %v", err)
	}
	if err := check("banned"); err != errBanned {
		t.Errorf("got %v, want the claims' own error", err)
	}
}

func TestMapClaims(t *testing.T) {
	clk := newFakeClock()
	g, err := newGuard[jwt.MapClaims](options(), clk)
	if err != nil {
		t.Fatal(err)
	}
	c := bearer(pipeline.KindHTTP, good())
	if err := g.Check(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, _ := g.Get(c); got["name"] != "Ann" || got["sub"] != "u1" {
		t.Errorf("claims %v", got)
	}
	for _, payload := range []string{`{"iss":7}`, `{"sub":7}`, `{"exp":"x"}`, `{"aud":[7]}`} {
		wantDenied(t, g.Check(t.Context(), bearer(pipeline.KindHTTP, forged(`{"alg":"HS256"}`, payload))), CodeInvalid, "")
	}
}

type ctxKey struct{}

func TestKeyFunc(t *testing.T) {
	unavailable := &pipeline.Error{Message: "Try again", Status: http.StatusServiceUnavailable}
	byID := map[string]any{
		"new": secret, "old": otherSecret, "set": jwt.VerificationKeySet{Keys: []jwt.VerificationKey{otherSecret, secret}},
		"empty": []byte{}, "text": string(secret), "none": jwt.UnsafeAllowNoneSignatureType, "nil": nil, "no keys": jwt.VerificationKeySet{},
		"hole": jwt.VerificationKeySet{Keys: []jwt.VerificationKey{secret, nil}},
	}
	o := options()
	o.Key = nil
	o.KeyFunc = func(ctx context.Context, tok *jwt.Token) (any, error) {
		if ctx.Value(ctxKey{}) != "guard's" {
			return nil, errors.New("not the guard's ctx")
		}
		id, _ := tok.Header["kid"].(string)
		if id == "down" {
			return nil, errors.Join(errors.New("dial"), unavailable)
		}
		key, ok := byID[id]
		if !ok {
			return nil, errors.New("no such key")
		}
		return key, nil
	}
	g, _ := newTestGuard(t, o)
	ctx := context.WithValue(t.Context(), ctxKey{}, "guard's")
	check := func(id string) error {
		tok := jwt.NewWithClaims(jwt.SigningMethodHS256, goodClaims())
		tok.Header["kid"] = id
		text, err := tok.SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return g.Check(ctx, bearer(pipeline.KindHTTP, text))
	}
	for _, id := range []string{"new", "set"} {
		if err := check(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for id, cause := range map[string]string{
		"old": "signature is invalid", "unknown": "no such key", "empty": "0 bytes", "text": "type string",
		"none": "type jwt.unsafeNoneMagicConstant", "nil": "type <nil>", "no keys": "VerificationKeySet is empty", "hole": "key 2 of the VerificationKeySet",
	} {
		err := check(id)
		wantDenied(t, err, CodeInvalid, "")
		if !strings.Contains(err.Error(), cause) {
			t.Errorf("%s: cause %v, want %q", id, err, cause)
		}
	}
	if err := check("down"); err != unavailable {
		t.Errorf("got %v, want KeyFunc's own error", err)
	}
	over, cancel := context.WithCancelCause(ctx)
	cancel(errors.New("too slow"))
	ctx = over
	if err := check("unknown"); err == nil || err.Error() != "jwtauth: the token was not verified in time: too slow" {
		t.Errorf("got %v", err)
	}
}

// Concurrent messages of one client share one state.
func TestOneStateForAllMessages(t *testing.T) {
	g, _ := newTestGuard(t, options())
	var values pipeline.Values
	var wg sync.WaitGroup
	states := make([]*tokenState[claims], 50)
	for i := range states {
		wg.Go(func() {
			c := bearer(pipeline.KindMessage, good())
			c.Store = &values
			if err := g.Check(t.Context(), c); err != nil {
				t.Error(err)
			}
			states[i], _ = g.state.Get(c)
		})
	}
	wg.Wait()
	for _, p := range states {
		if p != states[0] {
			t.Fatal("a client has several states")
		}
	}
}
