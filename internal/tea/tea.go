// Package tea is an application for the tests of documents. It has what they describe: every kind of handler, event and parameter.
package tea

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Module is the application.
var Module = module.New("tea",
	module.Providers(websockets.Gateway(NewGateway,
		websockets.Via(socketio.New(), websockets.Namespace("/tea/{house}")),
		websockets.Via(ws.New(), websockets.Path("/ws/tea/{house}")),
		websockets.UseGuards(Door), websockets.ForEvent("pour", websockets.UseGuards(NewKeyGuard)),
		websockets.Emits(Poured, Confirm, Moved, Steam),
	)),
	module.Controllers(web.Controller(NewController, web.Prefix("/pots"), web.ForRoute("DELETE /{pot}", web.UseGuards(Door)))),
)

// Door is a guard that its constructor configures.
var Door = pipeline.WithSchemes(NewKeyGuard, jwtauth.Schemes(jwtauth.Header(), jwtauth.Auth("token"), jwtauth.Subprotocol("bearer"), jwtauth.Cookie("token"))...)

// What the gateway sends.
var (
	Poured   = websockets.NewEvent[Cup]("poured")
	Confirm  = websockets.NewCall[Question, bool]("confirm")
	Moved    = websockets.NewEvent[websockets.Args2[float64, float64]]("moved")
	Steam    = websockets.NewEvent[[2]float32]("steam", websockets.Spread(), websockets.WithOverflow(websockets.OverflowDropNewest))
	Tick     = websockets.NewEvent[int]("tick")
	Count    = websockets.NewStream[int]("count", Tick)
	errEmpty = &websockets.Error{Message: "The pot is empty", Code: "pot_empty"}
	errNoPot = &web.Error{Message: "No such pot", Code: "no_pot", Status: http.StatusNotFound}
)

type (
	// Cup is sent and received.
	Cup struct {
		ID      int        `json:"id"`
		Sort    string     `json:"sort"`
		At      *time.Time `json:"at,omitempty"`
		Picture []byte     `json:"picture,omitempty"`
		Next    *Cup       `json:"next"`
	}
	// Question is asked by a call.
	Question struct {
		Text string `json:"text"`
	}
	// Page is a list of any type.
	Page[T any] struct {
		Items []T `json:"items"`
		Next  int `json:"next,omitzero"`
	}
	// Search has parameters of each kind.
	Search struct {
		Pot   int           `path:"pot"`
		Sort  string        `query:"sort"`
		Tags  []string      `query:"tag"`
		Limit *int          `query:"limit"`
		Wait  time.Duration `query:"wait"`
		Lang  string        `header:"Accept-Language"`
	}
	// Brew has a body and a parameter.
	Brew struct {
		Pot     int    `path:"pot"`
		Sort    string `json:"sort"`
		Minutes int    `json:"minutes"`
	}
)

// KeyGuard accepts every client.
type KeyGuard struct{}

// NewKeyGuard returns the guard.
func NewKeyGuard() *KeyGuard { return &KeyGuard{} }

// Check implements [pipeline.Guard].
func (*KeyGuard) Check(context.Context, *pipeline.Call) error { return nil }

// Schemes implements [pipeline.Secured].
func (*KeyGuard) Schemes() []pipeline.Scheme {
	return []pipeline.Scheme{
		{Kind: pipeline.SchemeHeader, Key: "X-Key", Description: "The key of the kitchen."},
		{Kind: pipeline.SchemeQuery, Key: "key", Name: "keyInQuery"},
		{Kind: pipeline.SchemeBasic},
	}
}

// Gateway has a handler of each kind.
type Gateway struct {
	Server *websockets.Server `websockets:"server"`
}

// NewGateway returns the gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions implements [websockets.Subscriber].
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("pour", g.pour, websockets.Errors(errEmpty), websockets.Strict()),
		websockets.On("echo", g.echo),
		websockets.On("mix", g.mix),
		websockets.On("serve", g.serve, websockets.Sends(Poured)),
		websockets.On("ask", g.ask),
		websockets.Listen("leave", g.leave),
		Count.On(g.count, websockets.Background(2)),
		websockets.Fallback(g.other),
	}
}

func (g *Gateway) pour(ctx context.Context, sort string) (Cup, error) {
	if sort == "" {
		return Cup{}, errEmpty
	}
	c := Cup{ID: 1, Sort: sort, Picture: []byte{1, 2}, Next: &Cup{ID: 2}}
	if err := Moved.Emit(ctx, websockets.ClientFrom(ctx), websockets.NewArgs2(1.5, 2.5)); err != nil {
		return c, err
	}
	if err := Steam.Emit(ctx, websockets.ClientFrom(ctx), [2]float32{1, 2}); err != nil {
		return c, err
	}
	return c, Poured.Emit(ctx, websockets.ClientFrom(ctx), c)
}

func (*Gateway) echo(_ context.Context, c Cup) (Page[Cup], error) {
	return Page[Cup]{Items: []Cup{c}}, nil
}

func (*Gateway) mix(_ context.Context, in websockets.Args2[string, int]) (websockets.Args2[string, int], error) {
	return in, nil
}

func (*Gateway) serve(_ context.Context, sort string) (websockets.Response[Cup], error) {
	return Poured.Response(Cup{Sort: sort}), nil
}

func (*Gateway) ask(ctx context.Context, q Question) (bool, error) {
	return Confirm.Call(ctx, websockets.ClientFrom(ctx), q)
}

func (*Gateway) leave(context.Context, struct{}) error { return nil }

func (*Gateway) count(_ context.Context, n int) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		for i := range n {
			if !yield(Tick.Response(i), nil) {
				return
			}
		}
	}
}

func (*Gateway) other(_ context.Context, event string, _ websockets.Payload) (string, error) {
	return event, nil
}

// Controller has a route of each kind.
type Controller struct{ key *KeyGuard }

// NewController returns the controller.
func NewController() *Controller { return &Controller{NewKeyGuard()} }

// Routes implements [web.Routable].
func (c *Controller) Routes(r chi.Router) {
	r.Get("/{pot:[0-9]+}/cups", web.JSON(c.cups, web.Errors(errNoPot)))
	web.Use(r, web.UseGuards(c.key)).Put("/{pot}/brew", web.JSON(c.brew, web.Errors(errNoPot, errEmpty)))
	r.Delete("/{pot}", web.JSON(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }))
	r.Handle("/files/*", http.NotFoundHandler())
}

func (*Controller) cups(context.Context, Search) (Page[Cup], error) { return Page[Cup]{}, nil }

func (*Controller) brew(_ context.Context, in Brew) (Cup, error) { return Cup{Sort: in.Sort}, nil }
