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

func TestNewRefuses(t *testing.T) {
	k := makeKeys()
	keyFunc := func(context.Context, *jwt.Token) (any, error) { return secret, nil }
	for _, tt := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Method = nil }, `Method is nil: name the one that the issuer uses, such as jwt.SigningMethodHS256`},
		{func(o *Options) { o.Method = jwt.SigningMethodNone }, `Method is "none", and anybody could make such tokens: choose one that signs`},
		{func(o *Options) { o.Method = &jwt.SigningMethodHMAC{Name: "HS1"} }, `Method "HS1" is unknown to package jwt: add it with jwt.RegisterSigningMethod`},
		{func(o *Options) { o.Key = nil }, `set either Key or KeyFunc`},
		{func(o *Options) { o.KeyFunc = keyFunc }, `set either Key or KeyFunc`},
		{func(o *Options) { o.Key = "text" }, `Key: it is a string, but HS256 needs a []byte that is not nil: convert it, or decode it when it is base64 or PEM`},
		{func(o *Options) { o.Key = []byte{} }, `Key: it has 0 bytes, but HS256 needs 32 or more (RFC 7518 §3.2): make them with crypto/rand`},
		{func(o *Options) { o.Key = secret[:31] }, `Key: it has 31 bytes, but HS256 needs 32 or more (RFC 7518 §3.2): make them with crypto/rand`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodHS512, secret[:32] }, `Key: it has 32 bytes, but HS512 needs 64 or more (RFC 7518 §3.2): make them with crypto/rand`},
		{func(o *Options) { o.Key = &k.rsa.PublicKey }, `Key: it is a *rsa.PublicKey, but HS256 needs a []byte that is not nil: use the one of the issuer`},
		{func(o *Options) { o.Key = jwt.UnsafeAllowNoneSignatureType }, `Key: it is a jwt.unsafeNoneMagicConstant, but HS256 needs a []byte that is not nil: use the one of the issuer`},
		{func(o *Options) { o.Method = jwt.SigningMethodRS256 }, `Key: it is a []uint8, but RS256 needs an *rsa.PublicKey that is not nil: use the one of the issuer`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodRS256, k.rsa }, `Key: it is a *rsa.PrivateKey, but RS256 needs an *rsa.PublicKey that is not nil: give its public half, as Public() has it`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodPS256, (*rsa.PublicKey)(nil) }, `Key: it is a *rsa.PublicKey, but PS256 needs an *rsa.PublicKey that is not nil: use the one of the issuer`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodRS256, &k.weak.PublicKey }, `Key: it has 1024 bits, but RS256 needs 2048 or more (RFC 7518 §3.3): make a new one`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodES256, &k.rsa.PublicKey }, `Key: it is a *rsa.PublicKey, but ES256 needs an *ecdsa.PublicKey that is not nil: use the one of the issuer`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodES384, &k.p256.PublicKey }, `Key: it is on a curve of 256 bits, but ES384 needs one of 384`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodEdDSA, k.ed }, `Key: it is a ed25519.PrivateKey, but EdDSA needs an ed25519.PublicKey that is not nil: give its public half, as Public() has it`},
		{func(o *Options) { o.Method, o.Key = jwt.SigningMethodEdDSA, ed25519.PublicKey("short") }, `Key: it has 5 bytes, but an ed25519.PublicKey has 32`},
		{func(o *Options) { o.Key = jwt.VerificationKeySet{} }, `Key: the VerificationKeySet is empty: add a key`},
		{func(o *Options) { o.Leeway = -1 }, `Leeway is negative: use 0 for the default`},
		{func(o *Options) { o.Leeway = 6 * time.Minute }, `Leeway is 6m0s: at most 5m0s, or tokens do not end; give them a longer life instead`},
		{func(o *Options) { o.MaxBytes = -1 }, `MaxBytes is negative: use 0 for the default`},
		{func(o *Options) { o.RefreshWindow = -1 }, `RefreshWindow is negative: use 0 for the default`},
		{func(o *Options) { o.Sources = []Source{nil} }, `Sources has a nil: remove it`},
		{func(o *Options) { o.Audience = []string{""} }, `Audience has an empty text: remove it`},
		{func(o *Options) { o.Key, o.MaxBytes = nil, -1 }, "set either Key or KeyFunc\nMaxBytes is negative: use 0 for the default"},
	} {
		o := options()
		tt.change(&o)
		g, err := New[claims](o)
		if g != nil || err == nil || err.Error() != "jwtauth: "+tt.want {
			t.Errorf("got  %v\nwant jwtauth: %s", err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), string(secret[:16])) {
			t.Errorf("the key is in the error: %v", err)
		}
	}
}

type hollow struct{ *jwt.RegisteredClaims }

func TestNewRefusesClaims(t *testing.T) {
	for want, err := range map[string]error{
		"jwtauth: claims of type *jwtauth.claims: give a struct, or jwt.MapClaims, itself":                             errorOf[*claims](),
		"jwtauth: claims of type jwt.Claims: give a struct, or jwt.MapClaims, itself":                                  errorOf[jwt.Claims](),
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

// Who changes the slices afterwards changes nothing.
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
