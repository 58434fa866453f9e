// Command gatehouse-socketio is Gatehouse on Socket.IO.
package main

import (
	"github.com/gatehouse-go/gatehouse/bench/internal/gateway"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

func main() {
	serve.Main(func() error { return gateway.Serve(socketio.New()) })
}
