// Package gatehouse is the front page of Gatehouse, an application framework with
// WebSocket gateways. It holds no code; the packages below do.
//
// An application is made of modules. A module has providers, which are constructors
// whose parameters are injected, and some of these providers are gateways and HTTP
// controllers. One gateway serves Socket.IO, plain WebSocket, or both. Guards,
// interceptors, pipes and filters work the same for HTTP routes, connections and
// messages. Wiring mistakes are reported together, each with its file and line,
// before anything is built.
//
// A complete program:
//
//	package main
//
//	import (
//		"context"
//
//		"github.com/gatehouse-go/gatehouse/app"
//		"github.com/gatehouse-go/gatehouse/module"
//		"github.com/gatehouse-go/gatehouse/platform/socketio"
//		"github.com/gatehouse-go/gatehouse/websockets"
//	)
//
//	type Gateway struct{}
//
//	func NewGateway() *Gateway { return &Gateway{} }
//
//	func (g *Gateway) Subscriptions() []websockets.Subscription {
//		return []websockets.Subscription{websockets.On("greet", g.Greet)}
//	}
//
//	func (g *Gateway) Greet(_ context.Context, name string) (string, error) { return "Hello, " + name, nil }
//
//	var Module = module.New("hello", module.Providers(websockets.Gateway(NewGateway)))
//
//	func main() { app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New())) }
//
// A client of Socket.IO calls it and receives the answer as the ack:
//
//	const socket = io("http://localhost:3000");
//	console.log(await socket.emitWithAck("greet", "Ada")); // Hello, Ada
//
// # Where to start
//
// Read the packages in this order:
//
//  1. [module]: modules, providers, what a module exports
//  2. [websockets]: gateways, handlers, events, rooms, clients
//  3. [app]: building, starting and stopping an application
//  4. [platform/socketio] or [platform/ws]: the wire protocols and their options
//  5. [pipeline]: guards, interceptors, pipes and filters
//  6. [web]: HTTP controllers
//  7. [apptest]: tests of whole applications, with clients of both protocols
//  8. [observe]: hooks for metrics and tracing
//  9. [contract]: documents of what an application serves
//  10. [client]: Go programs as clients of gateways
//
// Ready-made parts of the pipeline:
//
//   - [jwtauth]: a guard for JSON Web Tokens
//   - [ratelimit]: guards that limit connections, requests, messages and bytes
//   - [validate]: a pipe that checks struct tags
//
// Command cmd/gatehouse writes new projects and clients, and finds mistakes.
//
// The guide is in the folder docs of the repository, one page for each topic. A larger
// application is in cmd/example.
//
// # Stability
//
// Versions follow semantic versioning. Before version 1.0.0 a minor version may change
// any API, and the changelog lists each change. From 1.0.0 on the following applies.
//
// Stable packages. A change that breaks code needs a new major version. Interfaces that
// only the framework implements, such as websockets.Client, may gain methods.
//
//   - [app], [module], [pipeline], [web], [websockets], [apptest]
//   - [jwtauth], [ratelimit], [validate], [observe]; observe.Hooks may gain fields
//   - [platform/ws] and [platform/socketio], except for the names below
//
// Contracts for authors of platforms. A minor version may change them; the changelog
// then describes how to follow.
//
//   - [websockets/adapter], the contract of platforms
//   - [websockets/adaptertest], the conformance suite of adapters
//   - packet.Parser, the encoding of Socket.IO packets
//   - ws.Codec, the encoding of messages on plain WebSocket
//
// Experimental. A minor version may change or remove it.
//
//   - [client], the client for Go programs
//   - record, and the form of its files
//   - [contract], contract/contracttest and contract/typescript, the documents of an application and clients made of them
//   - cmd/gatehouse, its output and its flags
//   - socketio.Recovery and ws.Recovery, which restore clients after a lost connection
//   - platform/socketio/zishang, Socket.IO through the library zishang520/socket.io
//
// [module]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/module
// [websockets]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/websockets
// [app]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/app
// [platform/socketio]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/platform/socketio
// [platform/ws]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/platform/ws
// [pipeline]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/pipeline
// [web]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/web
// [apptest]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/apptest
// [jwtauth]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/jwtauth
// [ratelimit]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/ratelimit
// [validate]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/validate
// [client]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/client
// [contract]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/contract
// [observe]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/observe
// [websockets/adapter]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/websockets/adapter
// [websockets/adaptertest]: https://pkg.go.dev/github.com/gatehouse-go/gatehouse/websockets/adaptertest
package gatehouse
