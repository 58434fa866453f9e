package inspect

import (
	"context"
	"net/http"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// live is the gateway of the pages.
type live struct{ inspector *inspector }

func newLive(i *inspector) *live { return &live{i} }

// watching is what a page asks for.
type watching struct {
	// Filter is that of parseFilter.
	Filter string `json:"filter"`
	// On is false while the page does not show the log, or is paused.
	On bool `json:"on"`
	// Round is a number of the page, which messages have that are sent for this.
	Round int `json:"round"`
}

// Subscriptions implements [websockets.Subscriber].
func (l *live) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("watch", l.watch, websockets.Meta(pipeline.Hidden()))}
}

var errPages = &pipeline.Error{Message: "8 pages of the inspector are open: close one", Code: "inspect_pages", Status: http.StatusTooManyRequests}

// HandleConnection implements [websockets.OnGatewayConnection].
func (l *live) HandleConnection(_ context.Context, c websockets.Client) error {
	if !l.inspector.feed.enter(c) {
		return errPages
	}
	return nil
}

// HandleDisconnect implements [websockets.OnGatewayDisconnect].
func (l *live) HandleDisconnect(_ context.Context, c websockets.Client, _ websockets.Reason) {
	l.inspector.feed.leave(c)
}

// watch returns the latest entries that match; those that follow come as events.
func (l *live) watch(ctx context.Context, w watching) (messages, error) {
	f, err := parseFilter(w.Filter)
	if err != nil {
		return messages{}, err
	}
	return l.inspector.feed.watch(websockets.ClientFrom(ctx).ID(), f, w), nil
}

var (
	_ websockets.OnGatewayConnection = (*live)(nil)
	_ websockets.OnGatewayDisconnect = (*live)(nil)
	_ websockets.Subscriber          = (*live)(nil)
)
