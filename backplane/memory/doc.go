// Package memory connects applications inside one process: for tests of an application that runs
// on several nodes, without a service.
//
//	bus := memory.NewBus()
//	a, _ := app.New(Module, app.Mounted(), app.Backplane(bus.Node()))
//	b, _ := app.New(Module, app.Mounted(), app.Backplane(bus.Node()))
//
// The bus can lose, repeat, delay and reorder messages, see [Faults], and a node can be cut off,
// see [Backplane.Cut]. What happens to the messages of a link depends only on [Seed] and their
// order.
//
// With [Log] the bus keeps events, and records of clients: [Bus.LogNode] returns nodes that implement
// backplane.Log, with faults of their own, see [LogFaults] and Bus.Failover.
package memory
