package app

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/web"
)

// HealthController answers probes of Kubernetes and load balancers:
//
//	module.Controllers(web.Controller(app.NewHealthController, web.WithoutPrefix()))
//
// GET /livez is 200 while the process serves HTTP. GET /readyz is 200 while the application
// accepts clients, and 503 from the moment in which it is stopped; see [DrainDelay]. Both
// have {"status":…}; /readyz also has the backplane. One that is degraded does not make the
// node unready, since it serves its own clients without it.
//
// Guards of the application run for both: exempt /livez and /readyz where they reject probes.
type HealthController struct{ control *Control }

// NewHealthController is a constructor for module.Controllers.
func NewHealthController(c *Control) *HealthController { return &HealthController{c} }

// Routes implements [web.Routable].
func (h *HealthController) Routes(r chi.Router) {
	r.Get("/livez", func(w http.ResponseWriter, r *http.Request) { answerProbe(w, http.StatusOK, probe{Status: "live"}) })
	r.Get("/readyz", h.ready)
}

// probe is the response to a probe.
type probe struct {
	Status    string          `json:"status"`
	Backplane *probeBackplane `json:"backplane,omitempty"`
}

type probeBackplane struct {
	Up       bool      `json:"up"`
	Degraded bool      `json:"degraded"`
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason,omitempty"`
}

func (h *HealthController) ready(w http.ResponseWriter, _ *http.Request) {
	health := h.control.Health()
	status, p := http.StatusOK, probe{Status: "ready"}
	if !health.Ready {
		status, p.Status = http.StatusServiceUnavailable, "stopping"
	}
	if b := health.Backplane; b != nil {
		p.Backplane = &probeBackplane{b.Up, b.Degraded, b.Since, b.Reason}
	}
	answerProbe(w, status, p)
}

func answerProbe(w http.ResponseWriter, status int, p probe) {
	w.Header().Set("Cache-Control", "no-store")
	_ = web.WriteJSON(w, status, p) // a probe always encodes
}
