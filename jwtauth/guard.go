package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Guard accepts calls that carry a valid token, and stores its claims for handlers.
// It is safe for concurrent use.
type Guard[C jwt.Claims] struct {
	opts      Options
	parser    *jwt.Parser
	clock     clock
	state     *pipeline.Value[*tokenState[C]]
	handshake *pipeline.Value[*verifiedToken[C]] // verified with the handshake request
	identity  *pipeline.Identity
	mu        sync.Mutex // guards the first store of a client's state
}

var (
	_ pipeline.HandshakeGuard = (*Guard[jwt.RegisteredClaims])(nil)
	_ pipeline.IdentityGuard  = (*Guard[jwt.RegisteredClaims])(nil)
	_ pipeline.Secured        = (*Guard[jwt.RegisteredClaims])(nil)
)

// New returns a guard whose tokens carry claims of type C: jwt.RegisteredClaims, a
// struct that embeds it, or jwt.MapClaims. C must not be a pointer: it is copied for
// each handler that reads it. A map in it is shared and must not be changed. If C has
// a method Validate() error, it is called for every token after the signature and the
// times are checked: reject there what the same key signs for other purposes, such as
// refresh tokens. The error lists everything that is wrong with the options.
func New[C jwt.Claims](o Options) (*Guard[C], error) { return newGuard[C](o, systemClock{}) }

func newGuard[C jwt.Claims](o Options, clk clock) (*Guard[C], error) {
	o, err := o.withDefaults()
	if err = errors.Join(err, checkClaims[C]()); err != nil {
		return nil, fmt.Errorf("jwtauth: %w", err)
	}
	return &Guard[C]{
		opts: o, parser: o.parser(clk.Now), clock: clk,
		state:     pipeline.NewValue[*tokenState[C]]("jwtauth"),
		handshake: pipeline.NewValue[*verifiedToken[C]]("jwtauth: request"),
		identity:  pipeline.NewIdentity("jwtauth"),
	}, nil
}

// checkClaims reports what would fail with the first token.
func checkClaims[C jwt.Claims]() (err error) {
	t := reflect.TypeFor[C]()
	if k := t.Kind(); k == reflect.Pointer || k == reflect.Interface {
		return fmt.Errorf("claims of type %v: not a value: use a struct or jwt.MapClaims", t)
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("claims of type %v: their methods panic on the zero value (%v): embed jwt.RegisteredClaims, not a pointer to it", t, v)
		}
	}()
	_, err = any(new(C)).(jwt.Claims).GetExpirationTime()
	return err
}

// Check implements [pipeline.Guard]. The error is a [*pipeline.Error] with the
// status 401 and one of the codes of this package, or the error of KeyFunc, of
// Claims.Validate or of ctx.
func (g *Guard[C]) Check(ctx context.Context, c *pipeline.Call) error {
	if s, ok := g.state.Get(c); ok { // verified before, for this client or this call
		return s.check(ctx, c)
	}
	_, err := g.authenticate(ctx, c)
	return err
}

// CheckHandshake implements [pipeline.HandshakeGuard]. It rejects a request with an
// invalid token, or without any when Sources has no [Auth], before a session exists.
// The sources from the first [Auth] on are left to Check.
func (g *Guard[C]) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	later := &pendingAuth{}
	early := *c
	early.Auth = later
	token, err := g.findToken(&early)
	switch {
	case later.asked:
		return nil
	case err != nil:
		return err
	}
	tok, err := g.verify(ctx, token)
	if err != nil {
		return err
	}
	g.handshake.Set(c, tok)
	return nil
}

// pendingAuth stands for the auth that a client has not sent yet, and records that a
// source asked for it.
type pendingAuth struct{ asked bool }

func (u *pendingAuth) Decode(any) error {
	u.asked = true
	return errAuth
}

// Verify verifies a token that comes in another way than the [Source] functions, such as in the payload of a message or
// from a queue, and returns its claims. It stores nothing. The errors are those of [Guard.Check].
//
//	claims, err := guard.Verify(ctx, in.Token)
func (g *Guard[C]) Verify(ctx context.Context, token string) (claims C, err error) {
	if token == "" {
		return claims, missingError()
	}
	tok, err := g.verify(ctx, token)
	if err != nil {
		return claims, err
	}
	return tok.claims, nil
}

// From returns the claims of the client or request that ctx belongs to, and whether
// the guard has accepted it.
func (g *Guard[C]) From(ctx context.Context) (claims C, ok bool) {
	if h := pipeline.HolderFrom(ctx); h != nil {
		return g.Get(h)
	}
	return claims, false
}

// Get returns the claims of a call, a client or a handshake, for hooks and for guards
// that run after this one.
func (g *Guard[C]) Get(h pipeline.Holder) (claims C, ok bool) {
	if s, ok := g.state.Get(h); ok {
		return s.token.Load().claims, true
	}
	return claims, false
}

// Set stores claims for a call or a client as Check stores those of a token, and verifies nothing: for tests of handlers
// with a fake client, and for a guard that takes the place of this one in a test. A client is not disconnected when its
// claims expire; Check refuses its messages then. The error is that of a claim that cannot be read. It is safe
// for concurrent use.
//
//	client := apptest.NewFakeClient("1")
//	err := guard.Set(client, Claims{Name: "ada"})
func (g *Guard[C]) Set(h pipeline.Holder, claims C) error {
	tok := &verifiedToken[C]{claims: claims}
	if err := tok.readClaims(any(&tok.claims).(jwt.Claims), g.opts.Leeway); err != nil {
		return fmt.Errorf("jwtauth: %w", err)
	}
	if s, first := g.storeState(h, tok); !first {
		s.replaceToken(tok)
	}
	return nil
}

// authenticate verifies the token of a call and stores the claims.
func (g *Guard[C]) authenticate(ctx context.Context, c *pipeline.Call) (*tokenState[C], error) {
	tok, ok := g.handshake.Get(c)
	if !ok {
		token, err := g.findToken(c)
		if err != nil {
			return nil, err
		}
		if tok, err = g.verify(ctx, token); err != nil {
			return nil, err
		}
	} else if tok.expiredAt(g.clock.Now()) {
		return nil, expiredError(jwt.ErrTokenExpired)
	}
	s, first := g.storeState(c, tok)
	if !first {
		return s, nil
	}
	switch c.Kind {
	case pipeline.KindConnect:
		if h := websockets.HandshakeFrom(ctx); h != nil {
			h.OnConnected(s.watch)
		}
	case pipeline.KindMessage:
		if client := websockets.ClientFrom(ctx); client != nil {
			s.watch(client)
		}
	case pipeline.KindHTTP, pipeline.KindHandshake: // short-lived: no timer
	}
	return s, nil
}

// findToken returns the token of the first source that has one.
func (g *Guard[C]) findToken(c *pipeline.Call) (string, error) {
	for _, source := range g.opts.Sources {
		token, err := source(c)
		switch {
		case err != nil:
			return "", invalidError(err)
		case token != "":
			return token, nil
		}
	}
	return "", missingError()
}

// storeState stores tok as the client's state, unless a concurrent message already did.
func (g *Guard[C]) storeState(h pipeline.Holder, tok *verifiedToken[C]) (s *tokenState[C], first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s, ok := g.state.Get(h); ok && !s.left.Load() {
		return s, false
	}
	s = &tokenState[C]{guard: g}
	s.token.Store(tok)
	g.state.Set(h, s)
	if tok.subject != "" { // the length keeps issuer and subject apart
		g.identity.Set(h, strconv.Itoa(len(tok.issuer))+" "+tok.issuer+tok.subject)
	}
	return s, true
}

// Identifies implements [pipeline.IdentityGuard]: the issuer and subject of the token
// identify a client. Without a subject a client is anonymous and cannot recover.
func (*Guard[C]) Identifies() bool { return true }

// Schemes implements [pipeline.Secured]. It returns nil for a guard that has not been built, and for
// one with a [Source] that is not of this package: bind those by [pipeline.WithSchemes].
func (g *Guard[C]) Schemes() []pipeline.Scheme {
	if len(g.opts.Sources) == 0 || slices.ContainsFunc(g.opts.Sources, func(s Source) bool { return s.check().scheme == nil }) {
		return nil
	}
	return Schemes(g.opts.Sources...)
}

// verifiedToken is the content of a valid token. It is immutable.
type verifiedToken[C jwt.Claims] struct {
	claims          C
	issuer, subject string
	expiresAt       time.Time // leeway included; zero: never
}

func (g *Guard[C]) verify(ctx context.Context, token string) (*verifiedToken[C], error) {
	if len(token) > g.opts.MaxBytes {
		return nil, invalidError(errTooLong)
	}
	tok := new(verifiedToken[C])
	claims := any(&tok.claims).(jwt.Claims) // C is no pointer, so *C has all its methods
	_, err := g.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) { return g.key(ctx, t) })
	if err != nil {
		if ctx.Err() != nil { // validity is unknown
			return nil, fmt.Errorf("jwtauth: the token was not verified in time: %w", context.Cause(ctx))
		}
		return nil, clientError(err)
	}
	if err := tok.readClaims(claims, g.opts.Leeway); err != nil {
		return nil, clientError(err)
	}
	return tok, nil
}

func (tok *verifiedToken[C]) readClaims(claims jwt.Claims, leeway time.Duration) (err error) {
	if tok.issuer, err = claims.GetIssuer(); err != nil {
		return err
	}
	if tok.subject, err = claims.GetSubject(); err != nil {
		return err
	}
	exp, err := claims.GetExpirationTime()
	if err == nil && exp != nil {
		tok.expiresAt = exp.Add(leeway)
	}
	return err
}

func (g *Guard[C]) key(ctx context.Context, t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515 §4.1.11: reject extensions that are not understood
		return nil, errCritical
	}
	if g.opts.KeyFunc == nil {
		return g.opts.Key, nil
	}
	key, err := g.opts.KeyFunc(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := checkKey(g.opts.Method, key); err != nil {
		return nil, fmt.Errorf("jwtauth: key returned by KeyFunc: %w", err)
	}
	return key, nil
}
