package jwtauth

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestNewRejects(t *testing.T) {
	k := makeKeys()
	keyFunc := func(context.Context, *jwt.Token) (any, error) { return secret, nil }
	for _, tt := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Method = nil }, `Method is nil: set the issuer's method, such as jwt.SigningMethodHS256`},
		{func(o *Options) { o.Method = jwt.SigningMethodNone }, `Method is "none": anybody can create such tokens: set a method that signs`},
		{func(o *Options) { o.Method = &jwt.SigningMethodHMAC{Name: "HS1"} }, `Method "HS1" is unknown to package jwt: add it with jwt.RegisterSigningMethod`},
		{func(o *Options) { o.Key = nil }, `set either Key or KeyFunc`},
		{func(o *Options) { o.KeyFunc = keyFunc }, `set either Key or KeyFunc`},
		{func(o *Options) { o.Key = "text" }, `Key: type string, but HS256 needs a non-nil []byte: convert it, or decode it if it is base64 or PEM`},
		{func(o *Options) { o.Key = []byte{} }, `Key: 0 bytes, but HS256 needs at least 32 (RFC 7518 §3.2): generate them with crypto/rand`},
		{func(o *Options) { o.Key = secret[:31] }, `Key: 31 bytes, but HS256 needs at least 32 (RFC 7518 §3.2): generate them with crypto/rand`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodHS512, secret[:32] }, `Key: 32 bytes, but HS512 needs at least 64 (RFC 7518 §3.2): generate them with crypto/rand`},
		{func(o *Options) { o.Key = &k.rsa.PublicKey }, `Key: type *rsa.PublicKey, but HS256 needs a non-nil []byte: use the issuer's key`},
		{func(o *Options) { o.Key = jwt.UnsafeAllowNoneSignatureType }, `Key: type jwt.unsafeNoneMagicConstant, but HS256 needs a non-nil []byte: use the issuer's key`},
		{func(o *Options) { o.Method = jwt.SigningMethodRS256 }, `Key: type []uint8, but RS256 needs a non-nil *rsa.PublicKey: use the issuer's key`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodRS256, k.rsa }, `Key: type *rsa.PrivateKey, but RS256 needs a non-nil *rsa.PublicKey: pass its public key, as returned by Public()`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodPS256, (*rsa.PublicKey)(nil) }, `Key: type *rsa.PublicKey, but PS256 needs a non-nil *rsa.PublicKey: use the issuer's key`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodRS256, &k.weak.PublicKey }, `Key: 1024 bits, but RS256 needs at least 2048 (RFC 7518 §3.3): generate a new key`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodES256, &k.rsa.PublicKey }, `Key: type *rsa.PublicKey, but ES256 needs a non-nil *ecdsa.PublicKey: use the issuer's key`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodES384, &k.p256.PublicKey }, `Key: curve of 256 bits, but ES384 needs one of 384`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodEdDSA, k.ed }, `Key: type ed25519.PrivateKey, but EdDSA needs a non-nil ed25519.PublicKey: pass its public key, as returned by Public()`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodEdDSA, ed25519.PublicKey("short") }, `Key: 5 bytes, but an ed25519.PublicKey has 32`},
		{func(o *Options) { o.Key = jwt.VerificationKeySet{} }, `Key: the VerificationKeySet is empty: add a key`},
		{func(o *Options) { o.Leeway = -1 }, `Leeway is negative: use 0 for the default`},
		{func(o *Options) { o.Leeway = 6 * time.Minute }, `Leeway is 6m0s: the maximum is 5m0s: issue tokens that live longer instead`},
		{func(o *Options) { o.MaxBytes = -1 }, `MaxBytes is negative: use 0 for the default`},
		{func(o *Options) { o.RefreshWindow = -1 }, `RefreshWindow is negative: use 0 for the default`},
		{func(o *Options) { o.Sources = []Source{nil} }, `Sources contains nil: remove it`},
		{func(o *Options) { o.Sources = []Source{Header(), Cookie("my token")} }, `Sources: Cookie("my token"): no cookie has this name: use letters, digits, - and _`},
		{func(o *Options) { o.Sources = []Source{Subprotocol("a, b")} }, `Sources: Subprotocol("a, b"): no subprotocol has this name: use letters, digits, - and _`},
		{func(o *Options) { o.Sources = []Source{Auth("")} }, `Sources: Auth("") names no field: write Auth("token")`},
		{func(o *Options) { o.Audience = []string{""} }, `Audience contains an empty string: remove it`},
		{func(o *Options) { o.Key, o.MaxBytes = nil, -1 }, "set either Key or KeyFunc\nMaxBytes is negative: use 0 for the default"},
	} {
		o := options()
		tt.change(&o)
		g, err := New[claims](o)
		if g != nil || err == nil || err.Error() != "jwtauth: "+tt.want {
			t.Errorf("got  %v\nwant jwtauth: %s", err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), string(secret[:16])) {
			t.Errorf("the error contains the key: %v", err)
		}
	}
}

type hollow struct{ *jwt.RegisteredClaims }

func TestNewRejectsClaims(t *testing.T) {
	for want, err := range map[string]error{
		"jwtauth: claims of type *jwtauth.claims: not a value: use a struct or jwt.MapClaims":                          errorOf[*claims](),
		"jwtauth: claims of type jwt.Claims: not a value: use a struct or jwt.MapClaims":                               errorOf[jwt.Claims](),
		"jwtauth: claims of type jwtauth.hollow: their methods panic on the zero value (runtime error: invalid memory": errorOf[hollow](),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func errorOf[C jwt.Claims]() error {
	_, err := New[C](options())
	return err
}

func TestDefaults(t *testing.T) {
	g, err := New[claims](Options{Method: jwt.SigningMethodHS256, Key: secret})
	if err != nil {
		t.Fatal(err)
	}
	if g.opts.MaxBytes != 4096 || len(g.opts.Sources) != 2 || g.opts.Leeway != 0 || g.opts.RefreshWindow != 0 {
		t.Errorf("options %+v", g.opts)
	}
}

// Changing the slices afterwards has no effect on the guard.
func TestOptionsAreCopied(t *testing.T) {
	o := options()
	key := append([]byte(nil), secret...)
	o.Key = key
	g, _ := newTestGuard(t, o)
	clear(key)
	clear(o.Audience)
	clear(o.Sources)
	if err := g.Check(t.Context(), bearer("http", good())); err != nil {
		t.Error(err)
	}
}
