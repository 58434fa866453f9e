// Package documents serves the documents of the example while it is developed.
package documents

import (
	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/cmd/example/api"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// NewModule returns the module: GET /documents/asyncapi.json and /documents/openapi.json, for users who are logged in. It imports the
// login for its guard.
func NewModule(logins *module.Module) *module.Module {
	return module.New("documents", module.Imports(logins), module.Controllers(NewController))
}

// Controller serves the documents.
type Controller struct{}

// NewController returns the controller.
func NewController() *Controller { return &Controller{} }

// Routes implements [web.Routable].
func (*Controller) Routes(r chi.Router) {
	web.Static(web.Use(r, web.UseGuards(login.Required)), "/documents", api.Documents)
}
