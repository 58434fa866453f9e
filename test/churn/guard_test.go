package churn_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var attemptKey = pipeline.NewValue[*[1024]byte]("attempt")

// rejectingGuard is a guard that stores a value, and rejects every client.
type rejectingGuard struct{ err error }

func (b rejectingGuard) Check(ctx context.Context, c *pipeline.Call) error {
	attemptKey.Set(c, new([1024]byte))
	if h := websockets.HandshakeFrom(ctx); h != nil {
		h.OnConnected(func(websockets.Client) {})
	}
	return b.err
}

// rejectingHandshakeGuard also rejects handshake requests.
type rejectingHandshakeGuard struct{ rejectingGuard }

func (p rejectingHandshakeGuard) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	return p.Check(ctx, c)
}

func rejectedUpgrade(_ *testApp, c *caller, _ int) (func() error, error) {
	_, err := dialWS(c.addr, "/")
	if err == nil || err.Error() != "handshake: status 403" {
		return nil, fmt.Errorf("handshake: %v, want status %d", err, http.StatusForbidden)
	}
	return nil, nil
}
