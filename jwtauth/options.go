package jwtauth

import (
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
	// Method is the only signature method that is accepted, such as
	// jwt.SigningMethodHS256, whatever a token says. "none" is refused.
	Method jwt.SigningMethod
	// Key verifies signatures. Its type goes with Method:
	//
	//	HS256, HS384, HS512   []byte, at least 32, 48 and 64 bytes long (RFC 7518 §3.2)
	//	RS… and PS…           *rsa.PublicKey of 2048 bits or more
	//	ES256, ES384, ES512   *ecdsa.PublicKey on P-256, P-384 and P-521
	//	EdDSA                 ed25519.PublicKey
	//
	// A jwt.VerificationKeySet holds several of them, any of which will do.
	Key any
	// KeyFunc finds the key of a token, by its header "kid" for instance, where keys
	// change or belong to several issuers. It gives what Key may be. Nothing in the
	// token has been verified by then. It must be quick, or mind ctx, which ends with
	// the request or with Limits.HandshakeTimeout. An error refuses the token; one
	// that is or wraps a *pipeline.Error is told to the client as it is, such as 503
	// while the keys cannot be had. It is called by many goroutines at once.
	KeyFunc func(ctx context.Context, t *jwt.Token) (any, error)

	// Issuer is what "iss" must be. Default: not looked at.
	Issuer string
	// Audience lists what "aud" may be; one that the token has is enough. Default:
	// not looked at. Set it where one issuer serves several applications.
	Audience []string
	// AllowNoExpiry lets in tokens without "exp", for ever. Default: they are refused.
	AllowNoExpiry bool
	// Leeway is by how much the clocks of the issuer and of this server may differ:
	// a token is good so much earlier than "nbf" and so much longer than "exp" say.
	// Default 0, at most 5 min.
	Leeway time.Duration

	// Sources say where the token is, asked in order; the first that has one
	// decides. Default: Header(), Auth("token").
	Sources []Source
	// MaxBytes is the longest token that is looked at. Default 4,096.
	MaxBytes int

	// RefreshWindow is how long before the end of its token a client is sent
	// [TokenExpiring]; where less than twice of it is left when the client comes in
	// or hands in a token, half of what is left. Default 0: never.
	RefreshWindow time.Duration
}

const (
	defaultMaxBytes = 4096
	maxLeeway       = 5 * time.Minute
)

// complete fills in defaults and tells everything that is wrong.
func (o Options) complete() (Options, error) {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch {
	case o.Method == nil:
		add("Method is nil: name the one that the issuer uses, such as jwt.SigningMethodHS256")
	case strings.EqualFold(o.Method.Alg(), "none"):
		add(`Method is "none", and anybody could make such tokens: choose one that signs`)
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
		add("Leeway is %v: at most %v, or tokens do not end; give them a longer life instead", o.Leeway, maxLeeway)
	}
	if slices.ContainsFunc(o.Sources, func(s Source) bool { return s == nil }) {
		add("Sources has a nil: remove it")
	}
	if slices.Contains(o.Audience, "") {
		add("Audience has an empty text: remove it")
	}
	if len(o.Sources) == 0 {
		o.Sources = []Source{Header(), Auth("token")}
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if k, ok := o.Key.([]byte); ok {
		o.Key = slices.Clone(k)
	}
	o.Sources, o.Audience = slices.Clone(o.Sources), slices.Clone(o.Audience)
	return o, errors.Join(problems...)
}

// parser is safe for concurrent use.
func (o Options) parser(now func() time.Time) *jwt.Parser {
	opts := []jwt.ParserOption{
		jwt.WithValidMethods([]string{o.Method.Alg()}),
		jwt.WithIssuer(o.Issuer), // empty: not looked at
		jwt.WithAudience(o.Audience...),
		jwt.WithLeeway(o.Leeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(), // one token, one text
	}
	if !o.AllowNoExpiry {
		opts = append(opts, jwt.WithExpirationRequired())
	}
	return jwt.NewParser(opts...)
}
