package packets_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
)

// Text that is no packet of Engine.IO or Socket.IO ends the connection.
func TestBadPackets(t *testing.T) {
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		for _, packet := range []string{
			`hello`, `9`, `49`, `42[nope`, `42{"not":"an array"}`, `42[]`, `42[{},1]`, `42["disconnect"]`, `42["echo"]["echo"]`,
		} {
			breaks(t, h, enter(t), packet)
		}
	})
}
