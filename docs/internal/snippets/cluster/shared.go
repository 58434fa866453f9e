package cluster

import (
	"context"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:shared
var Name = websockets.NewKey[string]("name", websockets.Shared())

type Guests struct {
	Server *websockets.Server `websockets:"server"`
}

func NewGuests() *Guests { return &Guests{} }

func (g *Guests) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("name", g.SetName), websockets.On("who", g.Who)}
}

func (g *Guests) SetName(ctx context.Context, name string) error {
	Name.Set(websockets.ClientFrom(ctx), name)
	return nil
}

func (g *Guests) Who(ctx context.Context, _ struct{}) (names []string, err error) {
	found, err := g.Server.Fetch(ctx) // clients of all nodes
	for _, c := range found.Clients {
		if name, ok := Name.Of(c.Shared); ok {
			names = append(names, name)
		}
	}
	return names, err
}

var GuestsModule = module.New("guests", module.Providers(websockets.Gateway(NewGuests, websockets.Shares(Name))))

// end
