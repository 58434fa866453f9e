package adaptertest

import "github.com/gatehouse-go/gatehouse/websockets"

// What gateways of several tests send. Each gateway lists what it sends, so that a document of the application is complete; see
// Config.Started.
var (
	posted      = websockets.NewEvent[int]("posted")
	news        = websockets.NewEvent[int]("news")
	number      = websockets.NewEvent[int]("n")
	counted     = websockets.NewEvent[int]("count")
	odd         = websockets.NewEvent[int]("odd")
	endlessItem = websockets.NewEvent[int]("endless")
	waitingItem = websockets.NewEvent[int]("waiting")
	silence     = websockets.NewCall[any, any]("silence")
)

// emits lists what the gateway sends.
func (g *testGateway) emits(events ...websockets.EventInfo) *testGateway {
	return g.with(websockets.Emits(events...))
}
