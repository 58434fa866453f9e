package jwtauth

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Expiring is the remaining lifetime of a token.
type Expiring struct {
	// ExpiresIn is in seconds, rounded up. It is omitted if the token never expires.
	ExpiresIn int64 `json:"expiresIn,omitzero"`
}

// TokenExpiring is emitted to a client [Options.RefreshWindow] before its token
// expires. List it in websockets.Emits.
var TokenExpiring = websockets.NewEvent[Expiring]("token_expiring")

// tokenState is the token of an authenticated client or request, and the client's
// expiry timer.
type tokenState[C jwt.Claims] struct {
	guard *Guard[C]
	token atomic.Pointer[verifiedToken[C]]
	left  atomic.Bool // the client has disconnected

	mu     sync.Mutex
	client websockets.Client // nil for requests and after the disconnect
	timer  timer
	warnAt time.Time // zero: never, or done
	closed bool      // the client was closed because the token expired
}

// check runs for each message; it allocates nothing.
func (s *tokenState[C]) check(ctx context.Context, c *pipeline.Call) error {
	tok := s.token.Load()
	if tok.expiredAt(s.guard.clock.Now()) {
		return expiredError(jwt.ErrTokenExpired)
	}
	if s.left.Load() && ctx.Err() == nil {
		s.watchRecovered(ctx, c)
	}
	return nil
}

// watchRecovered starts the timer of a client that recovered its values without
// running the guard.
func (s *tokenState[C]) watchRecovered(ctx context.Context, c *pipeline.Call) {
	client := websockets.ClientFrom(ctx)
	if client == nil {
		return
	}
	if next, first := s.guard.storeState(c, s.token.Load()); first {
		next.watch(client)
	}
}

func (tok *verifiedToken[C]) expiredAt(now time.Time) bool {
	return !tok.expiresAt.IsZero() && !now.Before(tok.expiresAt)
}

// watch disconnects the client when its token expires.
func (s *tokenState[C]) watch(client websockets.Client) {
	s.mu.Lock()
	s.client = client
	s.schedule()
	s.mu.Unlock()
	context.AfterFunc(client.Context(), s.onDisconnect) // runs at once if the client has already disconnected
}

func (s *tokenState[C]) onDisconnect() {
	s.left.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = nil
	if s.timer != nil {
		s.timer.Stop()
	}
}

// schedule sets warning and expiry of the current token. s.mu is held.
func (s *tokenState[C]) schedule() {
	s.warnAt = time.Time{}
	end, now := s.token.Load().expiresAt, s.guard.clock.Now()
	if window := s.guard.opts.RefreshWindow; window > 0 && !end.IsZero() {
		// Half of a short life: otherwise a client that refreshes on each warning would never pause.
		s.warnAt = end.Add(-min(window, end.Sub(now)/2))
	}
	s.resetTimer(now)
}

// resetTimer sets the timer to the warning or the expiry, whichever is next. s.mu is held.
func (s *tokenState[C]) resetTimer(now time.Time) {
	next := s.token.Load().expiresAt
	if !s.warnAt.IsZero() {
		next = s.warnAt
	}
	wait := max(next.Sub(now), 0)
	switch {
	case next.IsZero() && s.timer == nil:
	case next.IsZero():
		s.timer.Stop()
	case s.timer == nil:
		s.timer = s.guard.clock.AfterFunc(wait, s.onTimer)
	default:
		s.timer.Reset(wait)
	}
}

// onTimer may run too late or too early: the token may have been replaced, the client
// may have disconnected, the clock may have been changed.
func (s *tokenState[C]) onTimer() {
	s.mu.Lock()
	client, tok, now := s.client, s.token.Load(), s.guard.clock.Now()
	if client == nil || s.closed {
		s.mu.Unlock()
		return
	}
	if tok.expiredAt(now) {
		s.closed = true
		s.mu.Unlock()
		disconnect(client)
		return
	}
	warn := !s.warnAt.IsZero() && !now.Before(s.warnAt)
	if warn {
		s.warnAt = time.Time{}
	}
	s.resetTimer(now)
	s.mu.Unlock()
	if warn {
		_ = TokenExpiring.Emit(context.Background(), client, tok.expiring(now)) // best effort: the client may have left or read too slowly
	}
}

func disconnect(client websockets.Client) {
	e := expiredError(nil)
	_ = client.Emit(context.Background(), websockets.EventException, httperr.EventOf(e))
	client.Close(CloseExpired, "token expired")
}

// replaceToken sets a new token and reports whether the client is still connected.
func (s *tokenState[C]) replaceToken(tok *verifiedToken[C]) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.token.Store(tok)
	if s.client != nil {
		s.schedule()
	}
	return true
}

func (tok *verifiedToken[C]) expiring(now time.Time) Expiring {
	if tok.expiresAt.IsZero() {
		return Expiring{}
	}
	return Expiring{int64(math.Ceil(tok.expiresAt.Sub(now).Seconds()))}
}

// clock is replaced in tests.
type clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) timer
}

type timer interface {
	Reset(d time.Duration) bool
	Stop() bool
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) timer { return time.AfterFunc(d, f) }
