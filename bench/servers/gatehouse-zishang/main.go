// Command gatehouse-zishang is Gatehouse on Socket.IO through the library of zishang520.
package main

import (
	"github.com/gatehouse-go/gatehouse/bench/internal/gateway"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
)

func main() {
	serve.Main(func() error { return gateway.Serve(zishang.New()) })
}
