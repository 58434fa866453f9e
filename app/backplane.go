package app

import "github.com/gatehouse-go/gatehouse/backplane"

// Backplane connects the application to the other processes that run it: a Selection then has
// the clients of all of them. Each process needs a value of its own.
//
//	app.Backplane(bus.Node()) // bus := memory.NewBus(): for tests, in one process
//
// While the service behind it cannot be reached, the application serves its own clients, also
// from the start on unless [backplane.Required] is given.
func Backplane(b backplane.Backplane, opts ...backplane.Option) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		if c.backplane, c.backplaneOptions = b, opts; b == nil {
			c.problemf(at, "Backplane")("the backplane is nil: pass one, or leave the option out")
		}
	})
}
