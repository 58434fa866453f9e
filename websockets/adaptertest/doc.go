// Package adaptertest is the conformance suite of [adapter.Adapter]: the behaviour that
// gateways rely on, on every platform. An adapter that passes keeps the laws below, as far as
// a client can see. The suite does not test the wire protocol itself, nor clients that break
// it; an adapter needs tests of its own for both.
//
//	func TestConformance(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Config{
//			New: func() adapter.Adapter { return ws.New() },
//			Dial: func(t testing.TB, baseURL, target string, opts ...apptest.DialOption) (*apptest.Client, error) {
//				return apptest.TryDialWS(t, baseURL+target, opts...)
//			},
//			ShutdownClose: apptest.Close{Code: 1001, Reason: "server shutting down"},
//		})
//	}
//
// The tests use real connections to a complete application. What they expect depends only on
// [adapter.Traits], and on Config where the field says so. The first test, in smoke.go,
// connects a client that calls, is called and leaves; without that the others are not run.
// All of them check the calls that the adapter makes, see contract.go.
//
// The names of tests start with the number of a law:
//
//   - 1. A gateway is served on the listener that its options name: binding.go
//   - 2. Gateways with the same path or namespace share its clients; others do not: binding.go
//   - 3. A mistake of a declaration is an error at start that names it: binding.go
//   - 4. GatewayOptions apply after injection: binding.go
//   - 5. Pages of other origins are rejected with 403: origin.go
//   - 6. Guards, Admit and HandleConnection decide about a client, in this order and before
//     its messages: admission.go, handshakeguard.go, connectpipeline.go, connection.go
//   - 7. HandleDisconnect runs once for each client, after its last handler and with the cause of
//     the end, and a stop waits for it: disconnect.go
//   - 8. AfterInit runs once, before OnModuleInit: connection.go
//   - 9. The messages of a client are handled one at a time, in order, unless Concurrency or
//     Background allow more: order.go
//   - 10. Each request is answered once, and streams are sent in order until they end or are
//     cancelled: reply.go, stream.go
//   - 11. Payloads arrive as they were sent, with binary: payload.go, args.go
//   - 12. Unknown events and malformed frames affect no other message: unknown.go
//   - 13. Guards, interceptors, pipes and filters run in their order: pipeline.go
//   - 14. A client sees of an error what the error allows: failure.go
//   - 15. A panic ends neither the process nor the connection: panics.go, pipeline.go
//   - 16. A slow client delays no other one, and what waits for it is bounded: slow.go,
//     sendqueue.go
//   - 17. The clients of a connection share its values and its place: connectionstore.go,
//     maxconnections.go
//   - 18. A stop lets handlers finish and sends their answers: stop.go
//   - 19. Sizes and heartbeats are limited, and a client that has gone is noticed: limits.go
//   - 20. A close has its code, text and cause, and Server.Close leaves nothing: closing.go
//
// The gateways of the tests list what they send, so that Config.Started can make documents of them.
//
// Other tests start with their subject: calls in call.go, rooms in room.go, volatile and
// uncompressed events in volatile.go, traits in traits.go, hooks and Stats in hooks.go, OnAny
// and NamespaceFunc in observe.go.
package adaptertest
