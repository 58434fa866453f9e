package cluster

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// snippet:health
type Health struct{ app *app.App }

func NewHealth(a *app.App) *Health { return &Health{a} }

func (h *Health) Routes(r chi.Router) { r.Get("/healthz", h.Get) }

func (h *Health) Get(w http.ResponseWriter, _ *http.Request) {
	health, status := h.app.Health(), http.StatusOK
	if !health.Ready { // it starts or stops
		status = http.StatusServiceUnavailable
	}
	_ = web.WriteJSON(w, status, health)
}

var HealthModule = module.New("health", module.Controllers(NewHealth))

// end
