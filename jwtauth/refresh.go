package jwtauth

import (
	"context"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Refresh subscribes a handler to whose event a client sends a new token, as a
// text, before its own ends. The answer is [Expiring] of the new token:
//
//	socket.on("token_expiring", async () => socket.emit("token", await newToken()))
//
// The new token goes through the same checks, and must be of the same subject and
// issuer, so it needs a subject. From then on the client has its claims and its
// end. One that is refused changes nothing. A client whose token has ended is gone;
// it connects again.
func (g *Guard[C]) Refresh(event string, opts ...websockets.HandlerOption) websockets.Subscription {
	return websockets.On(event, g.refresh, opts...)
}

func (g *Guard[C]) refresh(ctx context.Context, token string) (Expiring, error) {
	gr, err := g.replace(ctx, token)
	if err != nil {
		return Expiring{}, withoutEcho(err)
	}
	return gr.expiring(g.clock.Now()), nil
}

func (g *Guard[C]) replace(ctx context.Context, token string) (*grant[C], error) {
	p, err := g.passOf(ctx)
	if err != nil {
		return nil, err
	}
	if token == "" {
		return nil, missing()
	}
	gr, err := g.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	if now := p.grant.Load(); gr.subject == "" || gr.subject != now.subject || gr.issuer != now.issuer {
		return nil, invalid(errOtherUser)
	}
	if !p.renew(gr) {
		return nil, expired(jwt.ErrTokenExpired)
	}
	return gr, nil
}

// passOf gives the pass of the client. Where the guard stands before other handlers
// only, it may not have been asked yet.
func (g *Guard[C]) passOf(ctx context.Context) (*pass[C], error) {
	client := websockets.ClientFrom(ctx)
	if client == nil {
		return nil, missing()
	}
	c := &pipeline.Call{Kind: pipeline.KindMessage, Request: client.Request(), Store: client.Values()}
	if auth := client.Auth(); !auth.IsZero() {
		c.Auth = auth
	}
	if err := g.Check(ctx, c); err != nil {
		return nil, err
	}
	p, _ := g.value.Get(c)
	return p, nil
}
