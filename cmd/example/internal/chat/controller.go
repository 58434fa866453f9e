package chat

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/text"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// Controller serves the chat over HTTP. The list of rooms is public; posting requires a
// login.
type Controller struct {
	rooms   *Rooms
	gateway *Gateway
	guard   *login.Guard
	limit   *RoomLimit
}

// NewController returns the controller. It injects the gateway, a provider like others.
func NewController(rooms *Rooms, gateway *Gateway, guard *login.Guard, limit *RoomLimit) *Controller {
	return &Controller{rooms, gateway, guard, limit}
}

// Routes implements [web.Routable].
func (c *Controller) Routes(r chi.Router) {
	r.Get("/", web.JSON(c.list))
	web.Use(r, web.UseGuards(login.Required, c.limit)).
		Post("/{room}/messages", web.JSON(c.post, web.Status(http.StatusAccepted)))
}

func (c *Controller) list(context.Context, struct{}) ([]Room, error) { return c.rooms.List(), nil }

// Post is a message to a room from a user who need not be in it.
type Post struct {
	Room text.Trimmed `path:"room" validate:"required,max=40"`
	Text text.Trimmed `json:"text" validate:"required,max=2000"`
}

// post sends a message to all clients in the room, on every platform.
func (c *Controller) post(ctx context.Context, in Post) (struct{}, error) {
	claims, ok := c.guard.From(ctx)
	if !ok {
		return struct{}{}, pipeline.ErrUnauthorized
	}
	return struct{}{}, c.gateway.Post(ctx, string(in.Room), claims.Name, string(in.Text))
}
