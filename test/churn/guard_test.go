package churn_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var visitKey = pipeline.NewValue[*[1024]byte]("visit")

// bouncer is a guard that learns something of everybody, and lets nobody in.
type bouncer struct{ err error }

func (b bouncer) Check(ctx context.Context, c *pipeline.Call) error {
	visitKey.Set(c, new([1024]byte))
	if h := websockets.HandshakeFrom(ctx); h != nil {
		h.OnConnected(func(websockets.Client) {})
	}
	return b.err
}

// porter is one that does so before there is a session.
type porter struct{ bouncer }

func (p porter) CheckHandshake(ctx context.Context, c *pipeline.Call) error { return p.Check(ctx, c) }

func refusedUpgrade(_ *place, c *caller, _ int) (func() error, error) {
	_, err := dialWS(c.addr, "/")
	if err == nil || err.Error() != "handshake: status 403" {
		return nil, fmt.Errorf("handshake: %v, want status %d", err, http.StatusForbidden)
	}
	return nil, nil
}
