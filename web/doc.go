// Package web implements HTTP controllers: providers of a module that register routes on a
// [chi.Router].
//
//	type Controller struct{ rooms *Rooms }
//
//	func NewController(r *Rooms) *Controller { return &Controller{r} }
//
//	func (c *Controller) Routes(r chi.Router) {
//		r.Get("/", web.JSON(c.list))
//		web.Use(r, web.Meta(Roles.With([]string{"admin"}))).Delete("/{room}", web.JSON(c.remove))
//	}
//
//	var Module = module.New("rooms",
//		module.Providers(NewRooms),
//		module.Controllers(web.Controller(NewController, web.Prefix("/rooms"), web.UseGuards(NewTokenGuard))),
//	)
//
// Handlers are [net/http.HandlerFunc]s: those of [JSON] decode and validate the request and
// encode the response; those of [Handle] write the response and may return an error; any
// other works too. Code for net/http and chi can be used unchanged.
//
// # Order
//
// A request is processed in this order:
//
//	middleware (r.Use, r.With) → guards → interceptors in → [JSON: decoding, pipes, Validate]
//	→ handler → interceptors out → filters → default answer
//
// Guards, interceptors and pipes run in the order application, controller, route; filters in
// the reverse order. Guards protect everything that Routes registers: routes, mounted
// handlers and NotFound handlers.
//
// # Errors
//
// An error of a guard, pipe, interceptor or handler that no filter handles is answered with
//
//	{"statusCode":403,"message":"Forbidden resource","error":"Forbidden","code":"forbidden"}
//
// if it is, or wraps, an [Error]. Other errors and panics are logged once and answered with
// 500 "Internal server error". If the client has disconnected, there is no response, and its
// context.Canceled is logged at debug.
package web
