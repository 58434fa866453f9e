package jwtauth

import (
	"context"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Refresh returns a subscription to which a client sends a new token, as a string,
// before its current one expires. The answer is the [Expiring] of the new token:
//
//	socket.on("token_expiring", async () => socket.emit("token", await newToken()))
//
// The new token passes the same checks and must have the same issuer and subject; the
// subject must not be empty. From then on the claims and the expiry of the new token
// apply. A rejected token changes nothing. A client whose token has expired is
// disconnected and must connect again.
func (g *Guard[C]) Refresh(event string, opts ...websockets.HandlerOption) websockets.Subscription {
	return websockets.On(event, g.refresh, opts...)
}

func (g *Guard[C]) refresh(ctx context.Context, token string) (Expiring, error) {
	tok, err := g.verifyNew(ctx, token)
	if err != nil {
		return Expiring{}, withoutEcho(err)
	}
	return tok.expiring(g.clock.Now()), nil
}

func (g *Guard[C]) verifyNew(ctx context.Context, token string) (*verifiedToken[C], error) {
	s, err := g.stateOf(ctx)
	if err != nil {
		return nil, err
	}
	if token == "" {
		return nil, missingError()
	}
	tok, err := g.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	if now := s.token.Load(); tok.subject == "" || tok.subject != now.subject || tok.issuer != now.issuer {
		return nil, invalidError(errOtherUser)
	}
	if !s.replaceToken(tok) {
		return nil, expiredError(jwt.ErrTokenExpired)
	}
	return tok, nil
}

// stateOf returns the state of the client. It runs the guard first, which may be bound
// to other handlers only.
func (g *Guard[C]) stateOf(ctx context.Context) (*tokenState[C], error) {
	client := websockets.ClientFrom(ctx)
	if client == nil {
		return nil, missingError()
	}
	c := &pipeline.Call{Kind: pipeline.KindMessage, Request: client.Request(), Store: client.Values()}
	if auth := client.Auth(); !auth.IsZero() {
		c.Auth = auth
	}
	if err := g.Check(ctx, c); err != nil {
		return nil, err
	}
	s, _ := g.state.Get(c)
	return s, nil
}
