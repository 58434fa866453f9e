// Package pathvalues has the code of docs/gateways.md about typed values of paths.
package pathvalues

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Gateway counts the reservations of each table of a day.
type Gateway struct{}

// NewGateway returns the gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions lists the handlers.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("reserve", g.Reserve)}
}

// Reservation is what Reserve returns.
type Reservation struct {
	Table  int
	Day    time.Time
	Guests int
}

// snippet:pathvalue

var (
	table = websockets.PathValue[int]("table")
	day   = websockets.PathValue[time.Time]("day") // by UnmarshalText
)

var Module = module.New("tables", module.Providers(
	websockets.Gateway(NewGateway, websockets.Path("/tables/{table}/{day}"), table, day),
))

func (g *Gateway) Reserve(ctx context.Context, guests int) (r Reservation, err error) {
	if r.Table, err = table.From(ctx); err != nil {
		return r, err
	}
	r.Day, err = day.From(ctx)
	r.Guests = guests
	return r, err
}

// end
