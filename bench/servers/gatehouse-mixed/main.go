// Command gatehouse-mixed is Gatehouse with one gateway on both platforms.
package main

import (
	"github.com/gatehouse-go/gatehouse/bench/internal/gateway"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

func main() {
	serve.Main(func() error { return gateway.Serve(ws.New(), socketio.New()) })
}
