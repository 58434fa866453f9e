// Package adapter is the contract of platforms: what a wire protocol implements so that
// gateways are served over it, and what the framework provides for it. Users of gateways do
// not need it. It may change in minor versions.
//
// An [Adapter] makes one [Server] for each listener and path. The server asks
// [Endpoint.Admit] about every client before it accepts the handshake and calls
// [Endpoint.Connect] afterwards. From then on the [Session] takes what the client sends, and
// the framework sends by the adapter's [Conn]. Package adaptertest has the conformance
// suite, which holds an adapter to this contract. The page docs/adapters.md shows a whole
// platform.
package adapter
