// Package shop is the code of docs/recording.md.
package shop

import (
	"context"
	"crypto/rand"
	"io"
	"regexp"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/record"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Order is what the shop has sold.
//
// snippet:gateway
type Order struct {
	ID     string    `json:"id"`
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	Price  int       `json:"price"`
}

type Gateway struct {
	Server *websockets.Server `websockets:"server"`
}

func NewGateway() *Gateway { return &Gateway{} }

func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("order", g.Order)}
}

func (g *Gateway) Order(ctx context.Context, cups int) (Order, error) {
	o := Order{ID: rand.Text(), Number: time.Now().UnixNano(), At: time.Now(), Price: 3 * cups}
	return o, g.Server.All().Emit(ctx, "ordered", o)
}

var Module = module.New("shop", module.Providers(websockets.Gateway(NewGateway)))

// end

// Recording returns the option that has the application record its clients into a file.
//
// snippet:recorder
func Recording(file io.Writer) app.Option {
	recorder := record.New(file, record.Options{
		Vary:   []string{"number"},                                             // another one in each run
		Match:  func(c websockets.Client) bool { return c.Platform() == "ws" }, // these clients only
		Redact: hideCards,
	})
	return app.Observe(recorder.Hooks())
}

var cards = regexp.MustCompile(`\d{4} \d{4} \d{4} \d{4}`)

// hideCards takes numbers of credit cards out of payloads.
func hideCards(l *record.Line) {
	l.Payload = cards.ReplaceAll(l.Payload, []byte("0000 0000 0000 0000"))
}

// end
