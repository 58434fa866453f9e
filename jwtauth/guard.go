package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Guard lets in calls that have a good token, and keeps its claims for handlers.
// It is safe for concurrent use.
type Guard[C jwt.Claims] struct {
	opts   Options
	parser *jwt.Parser
	clock  clock
	value  *pipeline.Value[*pass[C]]
	shown  *pipeline.Value[*grant[C]] // verified with the request that opened the connection
	who    *pipeline.Identity
	mu     sync.Mutex // of who stores the pass of a client first
}

var (
	_ pipeline.HandshakeGuard = (*Guard[jwt.RegisteredClaims])(nil)
	_ pipeline.IdentityGuard  = (*Guard[jwt.RegisteredClaims])(nil)
)

// New makes a guard whose tokens carry claims of type C: jwt.RegisteredClaims, a
// struct that embeds it, or jwt.MapClaims. C is copied for each handler that asks,
// so it is no pointer; a map in it is shared and must not be changed. A method
// Validate() error of C is asked about every token, after the signature and the
// time: refuse there what is signed by the same key for another purpose, such as a
// refresh token. The error lists all that is wrong with the options.
func New[C jwt.Claims](o Options) (*Guard[C], error) { return newGuard[C](o, systemClock{}) }

func newGuard[C jwt.Claims](o Options, clk clock) (*Guard[C], error) {
	o, err := o.complete()
	if err = errors.Join(err, checkClaims[C]()); err != nil {
		return nil, fmt.Errorf("jwtauth: %w", err)
	}
	return &Guard[C]{
		opts: o, parser: o.parser(clk.Now), clock: clk,
		value: pipeline.NewValue[*pass[C]]("jwtauth"),
		shown: pipeline.NewValue[*grant[C]]("jwtauth: request"),
		who:   pipeline.NewIdentity("jwtauth"),
	}, nil
}

// checkClaims tells what would fail with the first token.
func checkClaims[C jwt.Claims]() (err error) {
	t := reflect.TypeFor[C]()
	if k := t.Kind(); k == reflect.Pointer || k == reflect.Interface {
		return fmt.Errorf("claims of type %v: give a struct, or jwt.MapClaims, itself", t)
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
// status 401 and one of the codes of this package, what KeyFunc or Claims.Validate
// say, or that of ctx.
func (g *Guard[C]) Check(ctx context.Context, c *pipeline.Call) error {
	if p, ok := g.value.Get(c); ok { // verified: the client's, or that of this very call
		return p.check(ctx, c)
	}
	_, err := g.admit(ctx, c)
	return err
}

// CheckHandshake implements [pipeline.HandshakeGuard]: a client whose request shows
// a bad token, or none where auth cannot have one either, is refused with the status
// 401 before there is a session. What comes after an [Auth] in Sources is left to
// Check.
func (g *Guard[C]) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	later := &unknown{}
	early := *c
	early.Auth = later
	for _, source := range g.opts.Sources {
		token, err := source(&early)
		switch {
		case later.asked:
			return nil
		case err != nil:
			return invalid(err)
		case token == "":
			continue
		}
		gr, err := g.verify(ctx, token)
		if err != nil {
			return err
		}
		g.shown.Set(c, gr)
		return nil
	}
	return missing()
}

// unknown is the auth that a client has not sent yet.
type unknown struct{ asked bool }

func (u *unknown) Decode(any) error {
	u.asked = true
	return errAuth
}

// From gives the claims of the client or request whose handler was given ctx.
// false where the guard has let nobody in.
func (g *Guard[C]) From(ctx context.Context) (C, bool) {
	if h := pipeline.HolderFrom(ctx); h != nil {
		return g.Get(h)
	}
	var none C
	return none, false
}

// Get gives the claims of a call, a client or a handshake: for guards that come
// after this one, and for hooks.
func (g *Guard[C]) Get(h pipeline.Holder) (C, bool) {
	if p, ok := g.value.Get(h); ok {
		return p.grant.Load().claims, true
	}
	var none C
	return none, false
}

// admit verifies the token of a call and stores the claims.
func (g *Guard[C]) admit(ctx context.Context, c *pipeline.Call) (*pass[C], error) {
	gr, ok := g.shown.Get(c)
	if !ok {
		token, err := g.find(c)
		if err != nil {
			return nil, err
		}
		if gr, err = g.verify(ctx, token); err != nil {
			return nil, err
		}
	} else if gr.ended(g.clock.Now()) {
		return nil, expired(jwt.ErrTokenExpired)
	}
	p, first := g.store(c, gr)
	if !first {
		return p, nil
	}
	switch c.Kind {
	case pipeline.KindConnect:
		if h := websockets.HandshakeFrom(ctx); h != nil {
			h.OnConnected(p.watch)
		}
	case pipeline.KindMessage:
		if client := websockets.ClientFrom(ctx); client != nil {
			p.watch(client)
		}
	case pipeline.KindHTTP, pipeline.KindHandshake: // ends long before the token
	}
	return p, nil
}

// find asks the sources.
func (g *Guard[C]) find(c *pipeline.Call) (string, error) {
	for _, source := range g.opts.Sources {
		token, err := source(c)
		switch {
		case err != nil:
			return "", invalid(err)
		case token != "":
			return token, nil
		}
	}
	return "", missing()
}

// store gives the client its pass, unless another of its messages was first.
func (g *Guard[C]) store(h pipeline.Holder, gr *grant[C]) (p *pass[C], first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p, ok := g.value.Get(h); ok && !p.gone.Load() {
		return p, false
	}
	p = &pass[C]{guard: g}
	p.grant.Store(gr)
	g.value.Set(h, p)
	if gr.subject != "" { // issuer and subject, so that one cannot end where the other begins
		g.who.Set(h, strconv.Itoa(len(gr.issuer))+" "+gr.issuer+gr.subject)
	}
	return p, true
}

// Identifies implements [pipeline.IdentityGuard]: a client is its token's issuer and
// subject. Without a subject it is nobody, and is not recovered.
func (*Guard[C]) Identifies() bool { return true }

// grant is what a good token says. Nobody changes it.
type grant[C jwt.Claims] struct {
	claims          C
	issuer, subject string
	end             time.Time // with the leeway; zero for none
}

func (g *Guard[C]) verify(ctx context.Context, token string) (*grant[C], error) {
	if len(token) > g.opts.MaxBytes {
		return nil, invalid(errTooLong)
	}
	gr := new(grant[C])
	claims := any(&gr.claims).(jwt.Claims) // a pointer to what is no pointer has its methods
	_, err := g.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) { return g.key(ctx, t) })
	if err != nil {
		if ctx.Err() != nil { // nobody knows whether the token is good
			return nil, fmt.Errorf("jwtauth: the token was not verified in time: %w", context.Cause(ctx))
		}
		return nil, refusal(err)
	}
	if err := gr.fill(claims, g.opts.Leeway); err != nil {
		return nil, refusal(err)
	}
	return gr, nil
}

func (gr *grant[C]) fill(claims jwt.Claims, leeway time.Duration) (err error) {
	if gr.issuer, err = claims.GetIssuer(); err != nil {
		return err
	}
	if gr.subject, err = claims.GetSubject(); err != nil {
		return err
	}
	exp, err := claims.GetExpirationTime()
	if err == nil && exp != nil {
		gr.end = exp.Add(leeway)
	}
	return err
}

func (g *Guard[C]) key(ctx context.Context, t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515 §4.1.11: what is not understood must be refused
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
		return nil, fmt.Errorf("jwtauth: the key of KeyFunc: %w", err)
	}
	return key, nil
}
