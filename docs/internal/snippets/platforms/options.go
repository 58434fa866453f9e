package main

import (
	"time"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Tuned has options of its platform.
//
// snippet:options
var Tuned = module.New("lobby", module.Providers(websockets.Gateway(NewLobby,
	websockets.Path("/lobby"),
	websockets.Origins("https://app.example.com"),
	websockets.WithLimits(websockets.Limits{PingInterval: 10 * time.Second}),
	ws.Options{Subprotocols: []string{"lobby.v1"}, Compression: ws.CompressionEach},
)))

// end
