package modules

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// Controller has the routes of orders.
//
// snippet:controller
type Controller struct{ orders *Orders }

func NewController(orders *Orders) *Controller { return &Controller{orders} }

func (c *Controller) Routes(r chi.Router) { r.Post("/orders", c.create) }

func (c *Controller) create(w http.ResponseWriter, r *http.Request) {
	order, err := web.ReadJSON[string](w, r, 64<<10)
	if err != nil {
		web.Fail(w, err) // 400, 413 or 415
		return
	}
	if err := c.orders.Place(order); err != nil {
		web.Fail(w, err) // 500, unless it is a *web.Error
		return
	}
	w.WriteHeader(http.StatusCreated)
}

var HTTPModule = module.New("http",
	module.Imports(OrdersModule),
	module.Controllers(NewController),
)

// end
