// Command gatehouse-ws is Gatehouse on plain WebSocket.
package main

import (
	"github.com/gatehouse-go/gatehouse/bench/internal/gateway"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

func main() {
	serve.Main(func() error { return gateway.Serve(ws.New()) })
}
