package chat

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Controller is the chat over HTTP.
type Controller struct {
	rooms   *Rooms
	gateway *Gateway
	log     *slog.Logger
}

// NewController makes the controller. A gateway is a provider like any other.
func NewController(rooms *Rooms, gateway *Gateway, log *slog.Logger) *Controller {
	return &Controller{rooms, gateway, log}
}

// Routes implements [web.Controller].
func (c *Controller) Routes(r chi.Router) {
	r.Get("/rooms", c.list)
	r.Post("/rooms/{room}/messages", c.post)
}

func (c *Controller) list(w http.ResponseWriter, r *http.Request) {
	if err := web.WriteJSON(w, http.StatusOK, c.rooms.List()); err != nil {
		c.log.ErrorContext(r.Context(), "list rooms", "error", err)
	}
}

// maxBody is enough for the longest text, all of it escaped.
const maxBody = 64 << 10

// post delivers a message to everybody in the room, on every platform.
func (c *Controller) post(w http.ResponseWriter, r *http.Request) {
	type message struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}
	in, err := web.ReadJSON[message](w, r, maxBody)
	if err != nil {
		web.Fail(w, err)
		return
	}
	err = c.gateway.Post(chi.URLParam(r, "room"), in.Name, in.Text)
	if told, ok := errors.AsType[*websockets.Error](err); ok {
		web.WriteError(w, http.StatusBadRequest, told.Message)
		return
	}
	if err != nil {
		c.log.ErrorContext(r.Context(), "post a message", "error", err)
		web.Fail(w, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}
