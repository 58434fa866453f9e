// Package redis connects the nodes of an application through Redis 6 or newer, or Valkey.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New()),
//		app.Backplane(redis.Native(redis.URL(os.Getenv("REDIS_URL")))))
//
// It is a module of its own: programs that do without it do not have its requirements.
package redis
