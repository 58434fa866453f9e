// Package embedded connects the nodes of an application through NATS servers inside them: there is
// no other process.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New()),
//		app.Backplane(embedded.New(
//			embedded.Peers("chat-nodes.default.svc:6222"), // a name with the addresses of all nodes
//			embedded.Secret(os.Getenv("CLUSTER_SECRET")),
//		)))
//
// Each node listens on port 6222 and connects to the others. Nothing is kept, in memory or on disk.
//
// It is a module of its own: programs that do without it do not have its requirements.
package embedded
