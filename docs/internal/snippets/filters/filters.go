// Package filters is the code of docs/filters.md.
package filters

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// FullError is an error of the shop, which knows no clients.
//
// snippet:filters
type FullError struct{ Room string }

func (e *FullError) Error() string { return "shop: no place in " + e.Room }

// Full converts errors of one type.
var Full = pipeline.FilterOf(func(_ context.Context, _ *pipeline.Call, e *FullError) *pipeline.Error {
	return &pipeline.Error{Message: e.Room + " is full", Code: "full", Status: 409}
})

// NoRows converts one error, wrapped or not.
var NoRows = pipeline.FilterIs(sql.ErrNoRows, &pipeline.Error{Message: "Not found", Code: "not_found", Status: 404})

// end

// Report looks at every error.
//
// snippet:all
type Report struct{ log *slog.Logger }

func NewReport(log *slog.Logger) *Report { return &Report{log} }

func (r *Report) Catch(ctx context.Context, c *pipeline.Call, err error) *pipeline.Error {
	r.log.WarnContext(ctx, "failed", "kind", c.Kind, "pattern", c.Pattern, "error", err)
	return nil // the next filter runs, finally the default
}

// end

// OldError is another form of errors.
//
// snippet:body
type OldError struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason"`
}

var Old = pipeline.FilterOf(func(_ context.Context, _ *pipeline.Call, e *pipeline.Error) *pipeline.Error {
	out := *e // errors may be shared: change a copy
	out.Body = OldError{false, e.Code}
	return &out
})

// end

// Gateway is the one of the page.
type Gateway struct{}

// NewGateway makes it.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions of the page.
//
// snippet:bind
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("enter", g.Enter),
		websockets.On("old", g.Old, websockets.UseFilters(Old)),
	}
}

var Module = module.New("shop",
	module.Exports(websockets.Gateway(NewGateway, websockets.UseFilters(Full))),
	module.Controllers(web.Controller(NewController, web.UseFilters(Full))),
)

// end

func main() {
	// snippet:global
	app.Main(Module,
		app.HTTP(":3000"),
		app.WebSockets(socketio.New()),
		app.UseFilters(NoRows, NewReport),
	)
	// end
}

var _ = main

// Enter fails in several ways.
func (g *Gateway) Enter(_ context.Context, room string) (bool, error) { return enter(room) }

// Old is refused.
func (g *Gateway) Old(context.Context, struct{}) (bool, error) {
	return false, &websockets.Error{Message: "No", Code: "no"}
}

// HandleConnection refuses some.
func (g *Gateway) HandleConnection(_ context.Context, c websockets.Client) error {
	if room := c.Request().URL.Query().Get("room"); room != "" {
		_, err := enter(room)
		return err
	}
	return nil
}

func enter(room string) (bool, error) {
	switch room {
	case "tea":
		return false, &FullError{room}
	case "gone":
		return false, fmt.Errorf("find the room: %w", sql.ErrNoRows)
	case "crash":
		return []bool{}[len(room)], nil
	case "broken":
		return false, errors.New("disk full")
	}
	return true, nil
}

// Controller is the one of the page.
type Controller struct{}

// NewController makes it.
func NewController() *Controller { return &Controller{} }

// Routes of the page.
func (c *Controller) Routes(r chi.Router) {
	type input struct {
		Room string `path:"room"`
	}
	r.Delete("/rooms/{room}", web.JSON(func(_ context.Context, in input) (bool, error) { return enter(in.Room) }))
}
