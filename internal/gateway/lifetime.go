package gateway

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// clientContext is a session as the context of its client, which ends when the connection does. The
// context of package context, which it stands for, is made when the first value is looked up, Done is called, or it
// ends: most handlers need none.
type clientContext session

// lifetime is a context of package context.
type lifetime struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (c *clientContext) lifetime() *lifetime {
	if l := c.life.Load(); l != nil {
		return l
	}
	ctx, cancel := context.WithCancelCause(websockets.WithClient(context.Background(), (*session)(c)))
	c.life.CompareAndSwap(nil, &lifetime{ctx, cancel})
	return c.life.Load()
}

// Deadline implements [context.Context]: there is none.
func (*clientContext) Deadline() (at time.Time, ok bool) { return at, false }

// Done implements [context.Context].
func (c *clientContext) Done() <-chan struct{} { return c.lifetime().ctx.Done() }

// Err implements [context.Context].
func (c *clientContext) Err() error {
	if l := c.life.Load(); l != nil {
		return l.ctx.Err()
	}
	return nil
}

// Value implements [context.Context]. It has what [context.Cause] and the contexts made of this one look for.
func (c *clientContext) Value(key any) any { return c.lifetime().ctx.Value(key) }

// cancel ends the context of the client.
func (s *session) cancel(cause error) { (*clientContext)(s).lifetime().cancel(cause) }
