package login

import (
	"context"
	"crypto/rand"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/text"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// Login asks for a token.
type Login struct {
	Name text.Trimmed `json:"name" validate:"required,max=40"`
}

// Session is a token, and the name that it proves.
type Session struct {
	Token string `json:"token"`
	Name  string `json:"name"`
}

// Controller gives tokens.
type Controller struct {
	tokens *Tokens
	guard  *Guard
}

// NewController makes the controller.
func NewController(t *Tokens, g *Guard) *Controller { return &Controller{t, g} }

// Routes implements [web.Routable].
func (c *Controller) Routes(r chi.Router) {
	r.Post("/login", web.JSON(c.login))
	web.Use(r, web.UseGuards(c.guard)).Post("/refresh", web.JSON(c.refresh))
}

// login believes everybody, and lets two have the same name: a real application asks
// for a password here. What it shows is that the name cannot be changed afterwards.
func (c *Controller) login(_ context.Context, in Login) (Session, error) {
	return c.session(rand.Text(), string(in.Name))
}

// refresh gives a new token for one that has not ended: the same subject and name
// for another while. A real application ends that some day.
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
