// Package pipes is the code of docs/pipes.md.
package pipes

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/go-chi/chi/v5"
	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/validate"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Message is validated by its tags.
//
// snippet:tags
type Message struct {
	Room string   `json:"room" validate:"required,max=40"`
	Text string   `json:"text" validate:"required,max=2000"`
	To   []Person `json:"to"   validate:"max=50,dive"`
}

type Person struct {
	Name string `json:"name" validate:"required"`
}

// end

func main() {
	// snippet:main
	app.Main(Module,
		app.HTTP(":3000"),
		app.WebSockets(socketio.New()),
		app.UsePipes(validate.New), // payloads of messages and inputs of web.JSON
	)
	// end
}

var _ = main

// Trim is a pipe for one type.
//
// snippet:trim
var Trim = pipeline.PipeOf(func(_ context.Context, m *Message) error {
	m.Text = strings.TrimSpace(m.Text)
	return nil
})

// end

// Quota is a pipe that looks at every payload.
//
// snippet:pipe
type Quota struct{ used atomic.Int64 }

func NewQuota() *Quota { return &Quota{} }

func (q *Quota) Transform(_ context.Context, c *pipeline.Call, payload any) error {
	if stay, ok := payload.(*Stay); ok && q.used.Add(int64(stay.To-stay.From)) > 90 {
		return &pipeline.Error{Message: "There are no more days for " + c.Pattern, Code: "quota"}
	}
	return nil
}

// end

// Stay refuses itself.
//
// snippet:validate
type Stay struct {
	From int `json:"from"`
	To   int `json:"to"`
}

func (s *Stay) Validate() error {
	if s.To <= s.From {
		return errors.New("to must be after from")
	}
	return nil
}

// end

// Size decodes itself.
//
// snippet:size
type Size string

func (s *Size) UnmarshalText(text []byte) error {
	switch *s = Size(text); *s {
	case "small", "large":
		return nil
	}
	return pipeline.Invalid(pipeline.Violation{Rule: "size", Message: "must be small or large"})
}

// end

// Parcel has sizes.
type Parcel struct {
	Sizes []Size `json:"sizes"`
}

// NewValidation makes a pipe with a rule of its own.
//
// snippet:rule
func NewValidation(shops *Shops) *validate.Pipe {
	return validate.New(
		validate.Rule("shop", func(_ context.Context, f validator.FieldLevel) bool {
			return shops.Has(f.Field().String())
		}),
		validate.Messages(func(v pipeline.Violation) string {
			if v.Rule == "shop" {
				return "is not one of our shops"
			}
			return "" // keep the default
		}),
	)
}

// end

// Shops are ours.
type Shops struct{}

// NewShops makes Shops.
func NewShops() *Shops { return &Shops{} }

// Has reports whether the shop is one of ours.
func (*Shops) Has(name string) bool { return name == "tea" }

// Order names a shop.
type Order struct {
	Shop string `json:"shop" validate:"shop"`
}

// ShopModule has the rule.
var ShopModule = module.New("shop", module.Providers(NewShops,
	websockets.Gateway(func() *Shop { return &Shop{} }, websockets.UsePipes(NewValidation))))

// Shop takes orders.
type Shop struct{}

// Subscriptions of the Shop.
func (*Shop) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("order", func(context.Context, Order) (bool, error) { return true, nil }),
	}
}

// Gateway is the one of the page.
type Gateway struct{}

// NewGateway makes it.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions of the page.
//
// snippet:bind
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("post", g.Post, websockets.UsePipes(Trim)),
		websockets.On("book", g.Book),
	}
}

// end

// Post returns the text.
func (g *Gateway) Post(_ context.Context, m Message) (string, error) { return m.Text, nil }

// Book returns the number of days.
func (g *Gateway) Book(_ context.Context, s Stay) (int, error) { return s.To - s.From, nil }

// Controller is the one of the page.
type Controller struct{}

// NewController makes it.
func NewController() *Controller { return &Controller{} }

// Routes of the page.
func (c *Controller) Routes(r chi.Router) {
	r.Post("/messages", web.JSON(func(_ context.Context, m Message) (string, error) { return m.Text, nil }))
	r.Get("/search", web.JSON(func(_ context.Context, s Search) (int, error) { return s.Page, nil }))
	r.Post("/parcels", web.JSON(func(_ context.Context, p Parcel) (int, error) { return len(p.Sizes), nil }))
	r.Post("/strict", web.JSON(func(_ context.Context, s Stay) (int, error) { return s.To, nil }, web.Strict()))
}

// Search is the input of a route.
//
// snippet:query
type Search struct {
	Text string `query:"q" validate:"required"`
	Page int    `query:"page" validate:"min=0,max=100"`
}

// end

// Module of the page.
var Module = module.New("chat",
	module.Providers(websockets.Gateway(NewGateway)),
	module.Controllers(NewController),
)
