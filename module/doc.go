// Package module declares the modules of an application, resolves the dependencies of
// all constructors before any of them runs, and builds the result with [go.uber.org/fx].
//
//	var Module = module.New("orders",
//		module.Imports(db.Module),
//		module.Providers(NewCache),         // private to this module
//		module.Exports(NewOrders),          // may inject *Cache and *db.DB
//		module.Controllers(NewController),  // may inject *Orders
//	)
//
//	graph, err := module.Resolve(Module)    // reports all wiring errors at once
//	app := fx.New(graph.Fx())
//
// # What a constructor sees
//
// A constructor is a function whose parameters are injected by type. Each is searched in
// this order:
//
//  1. the providers of its own module, private and exported;
//  2. the exports of imported modules, including re-exports;
//  3. the exports of [Global] modules;
//  4. the defaults of [Provide];
//  5. fx.Lifecycle, fx.Shutdowner and fx.DotGraph.
//
// Two different instances of a type on one of the levels 2 to 4 are an error only if a
// constructor needs that type. Controllers cannot be injected.
//
// Parameter objects (fx.In with name, optional and group tags), result objects (fx.Out),
// several results and a trailing error work as in fx. A variadic parameter stays empty. A
// value group collects the members that the module sees: its own and those exported by
// visible modules, in random order. Types with an Error method cannot be provided, because
// fx treats them as errors.
//
// # Order
//
// Modules are visited depth first, imports first, in declared order. Every provider is
// built once, dependencies first, in declared order; the controllers of a module follow
// its providers. The order of [Graph.Instances] is the same on every run.
//
// # Raw fx options
//
// [Fx] adds fx options to a module, and [FromFx] makes a type that they provide visible to
// the module's constructors:
//
//	module.New("cache",
//		module.Fx(fx.Provide(fx.Private, redis.NewClient), fx.Decorate(named)),
//		module.Exports(module.FromFx[*redis.Client]()),
//	)
//
// They see everything that the module sees. Use fx.Private: without it, fx.Provide
// provides to the whole fx application. Constructors of other modules still do not see
// the type, but fx includes it in the cycle check of every module.
package module
