// Package module declares the modules of an application, resolves what every
// constructor needs before anything is built, and hands the result to
// [go.uber.org/fx].
//
//	var Module = module.New("orders",
//		module.Imports(db.Module),
//		module.Providers(NewCache),         // private to this module
//		module.Exports(NewOrders),          // may inject *Cache and *db.DB
//		module.Controllers(NewController),  // may inject *Orders
//	)
//
//	graph, err := module.Resolve(Module)    // every wiring mistake at once
//	app := fx.New(graph.Fx())
//
// # What a constructor sees
//
// A constructor is a function; its parameters are filled by type. It sees, the
// first that has the type wins:
//
//  1. the providers of its own module, private and exported;
//  2. what the imported modules export, re-exports included;
//  3. what [Global] modules export;
//  4. the defaults given by [Provide];
//  5. fx.Lifecycle, fx.Shutdowner and fx.DotGraph.
//
// Two different instances of a type on one of the levels 2 to 4 are a problem
// only when a constructor needs that type. Controllers cannot be injected.
//
// Parameter objects (fx.In with name, optional and group tags), result objects
// (fx.Out), several results and a trailing error work as in fx. A variadic
// parameter is left empty. A value group collects the members that the module
// sees: its own, and those that visible modules export; fx shuffles them. Types
// with an Error method cannot be provided, fx takes them for failures.
//
// # Order
//
// Modules are visited depth first, imports first, in declared order. Every
// provider is built, once, dependencies first, in declared order; the
// controllers of a module follow its providers. [Graph.Instances] has the same
// order on every run.
//
// # Raw fx options
//
// [Fx] adds fx options to a module, and [FromFx] makes a type that they provide
// visible to the module's constructors:
//
//	module.New("cache",
//		module.Fx(fx.Provide(fx.Private, redis.NewClient), fx.Decorate(named)),
//		module.Exports(module.FromFx[*redis.Client]()),
//	)
//
// They see all that the module sees. The trap: fx.Provide without fx.Private
// provides to the whole fx application. Another module's constructors do not see
// it through Gatehouse, but fx includes it in the cycle check of every module.
package module
