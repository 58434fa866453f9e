// Package contracts has the code of docs/contracts.md.
package contracts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Order is a message.
type Order struct {
	Item  string `json:"item"`
	Price Price  `json:"price"`
	Note  string `json:"note,omitempty"`
}

// snippet:schema
// Price is an amount in cents, written as "12.50".
type Price struct{ Cents int }

func (p Price) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `"%d.%02d"`, p.Cents/100, p.Cents%100), nil
}

func (Price) JSONSchema() jsontext.Value {
	return jsontext.Value(`{"type":"string","pattern":"^[0-9]+\\.[0-9]{2}$"}`)
}

// end

// UnmarshalJSON parses the form of MarshalJSON.
func (p *Price) UnmarshalJSON(b []byte) error {
	whole, cents, ok := strings.Cut(strings.Trim(string(b), `"`), ".")
	if !ok {
		return errors.New("no price")
	}
	n, err := strconv.Atoi(whole + cents)
	p.Cents = n
	return err
}

// Shop takes orders.
type Shop struct {
	Server *websockets.Server `websockets:"server"`
}

// NewShop returns the gateway.
func NewShop() *Shop { return &Shop{} }

var (
	ordered = websockets.NewEvent[Order]("ordered")
	errSold = &websockets.Error{Message: "Sold out", Code: "sold_out"}
)

// snippet:subscriptions
func (s *Shop) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("order", s.Order, websockets.Errors(errSold))}
}

var Module = module.New("shop", module.Providers(websockets.Gateway(NewShop,
	websockets.Path("/shop"), websockets.Emits(ordered),
)))

// end

// Order returns the number of clients that have seen the order.
func (s *Shop) Order(ctx context.Context, o Order) (int, error) {
	if o.Item == "" {
		return 0, errSold
	}
	if err := ordered.Emit(ctx, s.Server, o); err != nil {
		return 0, err
	}
	return s.Server.Count(ctx)
}
