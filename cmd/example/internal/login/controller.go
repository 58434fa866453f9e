package login

import (
	"context"
	"crypto/rand"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/text"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// Login is the body of POST /login.
type Login struct {
	Name text.Trimmed `json:"name" validate:"required,max=40"`
}

// Session is a token and its name.
type Session struct {
	Token string `json:"token"`
	Name  string `json:"name"`
}

// Controller issues tokens.
type Controller struct {
	tokens *Tokens
	guard  *Guard
}

// NewController returns the controller.
func NewController(t *Tokens, g *Guard) *Controller { return &Controller{t, g} }

// Routes implements [web.Routable].
func (c *Controller) Routes(r chi.Router) {
	r.Post("/login", web.JSON(c.login))
	web.Use(r, web.UseGuards(Required)).Post("/refresh", web.JSON(c.refresh))
}

// login issues a token for any name, also one in use: a real application checks a
// password here. The name of a token cannot be changed afterwards.
func (c *Controller) login(_ context.Context, in Login) (Session, error) {
	return c.session(rand.Text(), string(in.Name))
}

// refresh replaces a valid token by a new one of the same subject and name. A real
// application limits how often.
func (c *Controller) refresh(ctx context.Context, _ struct{}) (Session, error) {
	claims, ok := c.guard.From(ctx)
	if !ok {
		return Session{}, pipeline.ErrUnauthorized
	}
	return c.session(claims.Subject, claims.Name)
}

func (c *Controller) session(subject, name string) (Session, error) {
	token, err := c.tokens.New(subject, name)
	return Session{token, name}, err
}
