package app_test

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var legacyEvent = websockets.NewNodeEvent[Legacy]("legacy")

type legacyNode struct {
	Server   *websockets.Server `websockets:"server"`
	received chan Legacy
}

func newLegacyNode() *legacyNode { return &legacyNode{received: make(chan Legacy, 1)} }

func (g *legacyNode) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{legacyEvent.On(func(_ context.Context, v Legacy) error {
		g.received <- v
		return nil
	})}
}

// With app.JSON(websockets.JSONV1()) events between nodes have the rules of encoding/json, too: a time.Duration is a number, and
// a nil slice stays nil.
func TestJSONV1OfNodeEvents(t *testing.T) {
	m := module.New("nodes", module.Providers(websockets.Gateway(newLegacyNode, websockets.Via(ws.New()))))
	c := apptest.NewCluster(t, 2, m, apptest.With(app.JSON(websockets.JSONV1())))
	var v Legacy
	if err := json.Unmarshal([]byte(legacyInput), &v); err != nil {
		t.Fatal(err)
	}
	from, to := apptest.Get[*legacyNode](c.Node(0)), apptest.Get[*legacyNode](c.Node(1))
	if err := legacyEvent.Emit(t.Context(), from.Server, v); err != nil {
		t.Fatal(err)
	}
	if got := testkit.Receive(t, "the event", to.received); !reflect.DeepEqual(got, v) || got.List != nil || got.Wait != 1500 {
		t.Errorf("got %+v, want %+v", got, v)
	}
}
