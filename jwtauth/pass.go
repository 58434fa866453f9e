package jwtauth

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Expiring tells how long a token is still good.
type Expiring struct {
	// ExpiresIn is in seconds, rounded up. Left out for a token without an end.
	ExpiresIn int64 `json:"expiresIn,omitzero"`
}

// TokenExpiring is sent to a client [Options.RefreshWindow] before its token ends.
// List it in websockets.Emits.
var TokenExpiring = websockets.NewEvent[Expiring]("token_expiring")

// pass is a client, or a request, that was let in.
type pass[C jwt.Claims] struct {
	guard *Guard[C]
	grant atomic.Pointer[grant[C]]
	gone  atomic.Bool // the client has left

	mu     sync.Mutex
	client websockets.Client // nil unless it is watched
	timer  timer
	warnAt time.Time // zero: never, or done
	over   bool      // the client has been sent away
}

// check is for each message: it must cost little.
func (p *pass[C]) check(ctx context.Context, c *pipeline.Call) error {
	gr := p.grant.Load()
	if gr.ended(p.guard.clock.Now()) {
		return expired(jwt.ErrTokenExpired)
	}
	if p.gone.Load() && ctx.Err() == nil {
		p.handOver(ctx, c)
	}
	return nil
}

// handOver watches a client that has come back with the values of before, and
// passed no guard.
func (p *pass[C]) handOver(ctx context.Context, c *pipeline.Call) {
	client := websockets.ClientFrom(ctx)
	if client == nil {
		return
	}
	if next, first := p.guard.store(c, p.grant.Load()); first {
		next.watch(client)
	}
}

func (gr *grant[C]) ended(now time.Time) bool { return !gr.end.IsZero() && !now.Before(gr.end) }

// watch sees to it that the client does not stay for longer than its token.
func (p *pass[C]) watch(client websockets.Client) {
	p.mu.Lock()
	p.client = client
	p.plan()
	p.mu.Unlock()
	context.AfterFunc(client.Context(), p.leave) // at once when it has left already
}

func (p *pass[C]) leave() {
	p.gone.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client = nil
	if p.timer != nil {
		p.timer.Stop()
	}
}

// plan begins with a token anew; p.mu is held.
func (p *pass[C]) plan() {
	p.warnAt = time.Time{}
	end, now := p.grant.Load().end, p.guard.clock.Now()
	if window := p.guard.opts.RefreshWindow; window > 0 && !end.IsZero() {
		// Half of it for a short one, or a client that refreshes when it is told would do so without a pause.
		p.warnAt = end.Add(-min(window, end.Sub(now)/2))
	}
	p.set(now)
}

// set sets the timer to what comes next; p.mu is held.
func (p *pass[C]) set(now time.Time) {
	next := p.grant.Load().end
	if !p.warnAt.IsZero() {
		next = p.warnAt
	}
	wait := max(next.Sub(now), 0)
	switch {
	case next.IsZero() && p.timer == nil:
	case next.IsZero():
		p.timer.Stop()
	case p.timer == nil:
		p.timer = p.guard.clock.AfterFunc(wait, p.ring)
	default:
		p.timer.Reset(wait)
	}
}

// ring is called by the timer, maybe too late or too early: the token may have
// been replaced, the client may have left, the clock may have been set.
func (p *pass[C]) ring() {
	p.mu.Lock()
	client, gr, now := p.client, p.grant.Load(), p.guard.clock.Now()
	if client == nil || p.over {
		p.mu.Unlock()
		return
	}
	if gr.ended(now) {
		p.over = true
		p.mu.Unlock()
		sendAway(client)
		return
	}
	warn := !p.warnAt.IsZero() && !now.Before(p.warnAt)
	if warn {
		p.warnAt = time.Time{}
	}
	p.set(now)
	p.mu.Unlock()
	if warn {
		_ = TokenExpiring.Emit(context.Background(), client, gr.expiring(now)) // who has left or reads too slowly is not told
	}
}

func sendAway(client websockets.Client) {
	e := expired(nil)
	_ = client.Emit(context.Background(), websockets.EventException, exception{Status: "error", Message: e.Message, Code: e.Code})
	client.Close(CloseExpired, "token expired")
}

// renew replaces the token, and reports whether the client is still there.
func (p *pass[C]) renew(gr *grant[C]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	p.grant.Store(gr)
	if p.client != nil {
		p.plan()
	}
	return true
}

func (gr *grant[C]) expiring(now time.Time) Expiring {
	if gr.end.IsZero() {
		return Expiring{}
	}
	return Expiring{int64(math.Ceil(gr.end.Sub(now).Seconds()))}
}

// clock is time, for tests.
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
