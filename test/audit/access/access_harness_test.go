package audit_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type (
	way  = ways.Way
	line = ways.Line
)

var (
	// upgraded starts with polling and compresses afterwards.
	upgraded = way{Name: "socketio upgraded", Upgrade: true, Adapter: func() adapter.Adapter {
		return socketio.New(socketio.Options{Compression: socketio.CompressionStream})
	}}
	own      = append(ways.Own(), upgraded)
	socketIO = slices.Insert(ways.SocketIO(), 2, upgraded)
)

// each runs a test of that name once for each way, in parallel.
func each(t *testing.T, name string, all []way, f func(t *testing.T, w way)) {
	t.Helper()
	for _, w := range all {
		t.Run(name+"/"+w.Name, func(t *testing.T) {
			t.Parallel()
			f(t, w)
		})
	}
}
