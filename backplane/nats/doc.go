// Package nats connects the nodes of an application through NATS 2.2 or newer.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New()),
//		app.Backplane(nats.New(nats.URL(os.Getenv("NATS_URL")))))
//
// It uses core NATS, without JetStream: nothing is kept. Package embedded, below this one, has a
// NATS server inside the application.
//
// It is a module of its own: programs that do without it do not have its requirements.
package nats
