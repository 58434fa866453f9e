package jwtauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Options configure a [Guard]. Method, and one of Key and KeyFunc, must be set.
type Options struct {
	// Method is the only accepted signature method, such as jwt.SigningMethodHS256,
	// whatever the header of a token names. "none" is an error.
	Method jwt.SigningMethod
	// Key verifies signatures. Its type depends on Method:
	//
	//	HS256, HS384, HS512   []byte, at least 32, 48 and 64 bytes long (RFC 7518 §3.2)
	//	RS… and PS…           *rsa.PublicKey of 2048 bits or more
	//	ES256, ES384, ES512   *ecdsa.PublicKey on P-256, P-384 and P-521
	//	EdDSA                 ed25519.PublicKey
	//
	// A jwt.VerificationKeySet holds several; a token must match one of them.
	Key any
	// KeyFunc returns the key of a token, for example by its header "kid", if keys
	// rotate or belong to several issuers. It returns the types that Key allows. The
	// token is not verified yet. KeyFunc must be quick or respect ctx, which ends with
	// the request or after Limits.HandshakeTimeout. An error rejects the token; one
	// that is or wraps a *pipeline.Error reaches the client unchanged, such as a 503
	// while the keys are unavailable. It must be safe for concurrent use.
	KeyFunc func(ctx context.Context, t *jwt.Token) (any, error)

	// Issuer is the required value of "iss". Default: not checked.
	Issuer string
	// Audience lists accepted values of "aud"; a token needs one of them. Default: not
	// checked. Set it if one issuer serves several applications.
	Audience []string
	// AllowNoExpiry accepts tokens without "exp", which never expire. Default: they are
	// rejected.
	AllowNoExpiry bool
	// Leeway is the tolerated difference between the clocks of the issuer and this
	// server: tokens are valid from Leeway before "nbf" until Leeway after "exp".
	// Default 0, at most 5 min.
	Leeway time.Duration

	// Sources are the places of the token, read in order; the first token found is
	// used. Default: Header(), Auth("token").
	Sources []Source
	// MaxBytes is the maximum length of a token; longer ones are rejected. Default 4,096.
	MaxBytes int

	// RefreshWindow is how long before expiry a client receives [TokenExpiring]. If a
	// token lives less than twice as long from now, it is half of its remaining life.
	// Default 0: never.
	RefreshWindow time.Duration
}

const (
	defaultMaxBytes = 4096
	maxLeeway       = 5 * time.Minute
)

func defaultSources() []Source { return []Source{Header(), Auth("token")} }

// withDefaults sets defaults and returns all problems in one error.
func (o Options) withDefaults() (Options, error) {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch {
	case o.Method == nil:
		add("Method is nil: set the issuer's method, such as jwt.SigningMethodHS256")
	case strings.EqualFold(o.Method.Alg(), "none"):
		add(`Method is "none": anybody can create such tokens: set a method that signs`)
	case jwt.GetSigningMethod(o.Method.Alg()) == nil:
		add("Method %q is unknown to package jwt: add it with jwt.RegisterSigningMethod", o.Method.Alg())
	case (o.Key == nil) == (o.KeyFunc == nil):
		add("set either Key or KeyFunc")
	case o.Key != nil:
		if err := checkKey(o.Method, o.Key); err != nil {
			add("Key: %w", err)
		}
	}
	for _, n := range []struct {
		name string
		v    int64
	}{{"Leeway", int64(o.Leeway)}, {"MaxBytes", int64(o.MaxBytes)}, {"RefreshWindow", int64(o.RefreshWindow)}} {
		if n.v < 0 {
			add("%s is negative: use 0 for the default", n.name)
		}
	}
	if o.Leeway > maxLeeway {
		add("Leeway is %v: the maximum is %v: issue tokens that live longer instead", o.Leeway, maxLeeway)
	}
	for _, s := range o.Sources {
		if s == nil {
			add("Sources contains nil: remove it")
		} else if p := s.check().problem; p != "" {
			add("Sources: %s", p)
		}
	}
	if slices.Contains(o.Audience, "") {
		add("Audience contains an empty string: remove it")
	}
	if len(o.Sources) == 0 {
		o.Sources = defaultSources()
	}
	o.MaxBytes = cmp.Or(o.MaxBytes, defaultMaxBytes)
	if k, ok := o.Key.([]byte); ok {
		o.Key = slices.Clone(k)
	}
	o.Sources, o.Audience = slices.Clone(o.Sources), slices.Clone(o.Audience)
	return o, errors.Join(problems...)
}

// parser returns a parser that is safe for concurrent use.
func (o Options) parser(now func() time.Time) *jwt.Parser {
	opts := []jwt.ParserOption{
		jwt.WithValidMethods([]string{o.Method.Alg()}),
		jwt.WithIssuer(o.Issuer), // empty: not checked
		jwt.WithAudience(o.Audience...),
		jwt.WithLeeway(o.Leeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(), // exactly one encoding of a token is valid
	}
	if !o.AllowNoExpiry {
		opts = append(opts, jwt.WithExpirationRequired())
	}
	return jwt.NewParser(opts...)
}
