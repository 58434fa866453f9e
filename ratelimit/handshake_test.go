package ratelimit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
)

// A connection whose handshake request was counted does not count again for its first
// namespace.
func TestConnectionsCountOnce(t *testing.T) {
	g := ratelimit.Connections(0, 2).(pipeline.HandshakeGuard)
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	open := func() (*pipeline.Values, error) {
		c := &pipeline.Call{Kind: pipeline.KindHandshake, Request: request}
		return c.Values(), g.CheckHandshake(context.Background(), c)
	}
	enter := func(of *pipeline.Values) error {
		c := &pipeline.Call{Kind: pipeline.KindConnect, Request: request}
		if of != nil {
			c.Values().Inherit(of)
		}
		return g.Check(context.Background(), c)
	}
	for range 2 {
		values, err := open()
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := enter(values); err != nil {
				t.Errorf("a namespace: %v", err)
			}
		}
	}
	if _, err := open(); err == nil {
		t.Error("the third connection is accepted")
	}
	if err := enter(nil); err == nil {
		t.Error("a connection without a counted handshake is not counted")
	}
	if err := g.Check(context.Background(), &pipeline.Call{Kind: pipeline.KindMessage, Request: request}); err != nil {
		t.Errorf("a message: %v", err)
	}
}
