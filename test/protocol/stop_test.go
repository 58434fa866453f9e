package protocol_test

import (
	"context"
	"testing"
	"time"
)

// TestStop: sessions without a namespace, which are unknown to the application, do not delay the
// stop of a server.
func TestStop(t *testing.T) {
	for name, leave := range map[string]func(p *play){
		"no CONNECT":               func(p *play) { p.open() },
		"no CONNECT, a poll waits": func(p *play) { p.open(); p.heldPoll() },
		"no CONNECT, websocket":    func(p *play) { p.openWS() },
		"after DISCONNECT":         func(p *play) { p.enter(); p.post("41"); p.left() },
		"while it upgrades":        func(p *play) { p.open(); p.dialSession() },
		"in a namespace":           func(p *play) { p.enter() },
	} {
		t.Run(name, func(t *testing.T) {
			to := startOurs(t, calm)
			leave(&play{t: t, target: to})
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // the close handshake has one
			defer cancel()
			if err := to.stop(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
